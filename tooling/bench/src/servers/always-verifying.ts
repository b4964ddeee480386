import { createServer } from 'node:http'
import { seedDemo } from '@tenantry/control-plane/seeds'
import type { ApiKeyVerifier } from '@tenantry/kernel/context/dependencies'
import { createApp, openInstallation, readConfig } from '../installation.ts'

/** The service that knows no key a second time: whatever a verification has found is forgotten after it. */
const config = readConfig()
const installation = await openInstallation(config)
const { dependencies } = installation
await seedDemo(dependencies)

const { directory, services } = dependencies
const apiKeys: ApiKeyVerifier = {
  verify: async (text, client) => {
    const key = await services.apiKeys.verify(text, client)
    services.apiKeys.forget(key.actor.id)
    services.apiKeys.forgetTenant(key.actor.tenantId)
    directory.forget(key.actor.tenantId)
    return key
  },
}
const forgetful = { ...installation, dependencies: { ...dependencies, apiKeys } }
createServer(createApp(config, forgetful, { draining: false })).listen(config.PORT, config.HOST)
process.on('SIGTERM', () => {
  installation.close().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})
