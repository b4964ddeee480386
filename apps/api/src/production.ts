import { keepCompiled } from '@tenantry/installation/compile-cache'

keepCompiled()
const { runService } = await import('./run-service.ts')
await runService({ production: true })
