import { writeFileSync } from 'node:fs'
import { catalogueText } from '@tenantry/control-plane/capabilities/catalogue/service.fixture'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { kill } from './api-process.ts'
import { openProductionSite, type ProductionSite, startProduction } from './production-process.ts'

vi.setConfig({ testTimeout: 60_000 })

let site: ProductionSite
beforeAll(async () => {
  site = await openProductionSite()
})
afterAll(() => site.close())

test('SIGHUP reloads the catalogue of a running service; a faulty one is logged, and the one before stays', async () => {
  const file = site.installation.catalogueFile
  writeFileSync(file, catalogueText({}))
  const api = await startProduction({ ...site.environment, PLAN_CATALOGUE: file, LOG_LEVEL: 'info' })
  const usersOfFree = async () => (await api.send('/api/v1/plans')).json.items[0].limits.users
  const logged = (message: string) => () => expect(api.log().find(({ msg }) => msg.includes(message))).toBeDefined()
  expect(await usersOfFree()).toBe(5)

  writeFileSync(file, catalogueText({ 'users: 5\n': 'users: 7\n' }))
  kill(api.pid, 'SIGHUP')
  await vi.waitFor(logged('the plan catalogue was reloaded'), 10_000)
  expect(await usersOfFree()).toBe(7)

  writeFileSync(file, catalogueText({ 'users: 5\n': 'users: five\n' }))
  kill(api.pid, 'SIGHUP')
  await vi.waitFor(logged('the plan catalogue was not reloaded'), 10_000)
  expect(api.log().find(({ msg }) => msg.includes('not reloaded'))).toMatchObject({
    level: 'error',
    issues: [{ path: 'plans.free.limits.users' }],
  })
  expect(await usersOfFree()).toBe(7)
  expect((await api.send('/readyz')).json).toMatchObject({ status: 'ok', checks: { catalogue: 'ok' } })
})
