import { keepCompiled } from '@tenantry/installation/compile-cache'

keepCompiled()
await import('./tenantry.ts')
