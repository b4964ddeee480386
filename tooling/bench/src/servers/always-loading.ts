import { createServer } from 'node:http'
import { seedDemo } from '@tenantry/control-plane/seeds'
import type { TenantCache } from '@tenantry/kernel/context/dependencies'
import { createApp, openInstallation, readConfig } from '../installation.ts'

/** The service with a cache that answers nothing: each call opens its unit of work. What a budget is stays cached. */
const config = readConfig()
const installation = await openInstallation(config)
const { dependencies } = installation
await seedDemo(dependencies)

const { services } = dependencies
const cache: TenantCache = { ...services.cache, getOrLoad: (_tenantId, _name, _ttlSeconds, load) => load() }
const missing = { ...installation, dependencies: { ...dependencies, services: { ...services, cache } } }
createServer(createApp(config, missing, { draining: false })).listen(config.PORT, config.HOST)
process.on('SIGTERM', () => {
  installation.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
