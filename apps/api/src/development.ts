import { seedDemo } from '@tenantry/control-plane/seeds'
import { banner } from './banner.ts'
import { runService } from './run-service.ts'

await runService({
  production: false,
  prepare: async ({ dependencies }, { embedded }) => {
    if (embedded) await seedDemo(dependencies)
  },
  announce: (config, port) => process.stdout.write(banner(config, port)),
})
