import { demoPeople, type StandingPerson, seedDemo } from '@tenantry/control-plane/seeds'
import { banner } from './banner.ts'
import { runService } from './run-service.ts'

let people: StandingPerson[] = []

await runService({
  production: false,
  prepare: async ({ dependencies }, { embedded }) => {
    if (!embedded) return
    await seedDemo(dependencies)
    people = await demoPeople(dependencies)
  },
  announce: (config, port) => process.stdout.write(banner(config, port, people)),
})
