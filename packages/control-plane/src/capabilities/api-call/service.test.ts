import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { createTestClock } from '../usage/service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

const services = () => installation.dependencies.services

/** A tenant with so many calls a day. */
async function enter(limit: number) {
  const { tenant, caller } = await installation.enter()
  const overrides = { api_calls: { value: limit } }
  await installation.callerAs(operator).limits.setOverrides({ tenantId: tenant.id, overrides, reason: 'Preparation' })
  const { directory } = installation.dependencies
  const access = await directory.findAccess({ type: 'service', name: 'door' }, tenant.id)
  const found = access?.tenant ?? expect.fail('no tenant')
  const call = (times: number) => {
    for (let made = 0; made < times; made += 1) services().apiCalls.count(found)
  }
  return { tenant, found, caller, call, exhausted: async () => services().apiCalls.exhausted(found) }
}

async function hold(tenantId: string): Promise<() => Promise<unknown>> {
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query('begin')
  await admin.query('select from tenantry.usage_accounts where tenant_id = $1 for update', [tenantId])
  return () => admin.query('commit')
}

test('calls that cannot be counted for a while use up the limit all the same, and are counted once', async () => {
  const { tenant, caller, call, exhausted } = await enter(6)
  call(1)
  await services().apiCalls.flush()
  const release = await hold(tenant.id)
  call(4)
  await services().apiCalls.flush()
  expect(await exhausted()).toBeNull()
  call(4)
  await services().apiCalls.flush()
  call(1)
  expect(await exhausted()).toMatchObject({ meter: 'api_calls', hardLimit: 6 })
  await release()
  await services().apiCalls.flush()
  await services().metering.remembered(tenant.id)
  expect((await caller.tenants.usage()).apiCallsToday).toBe(10)
}, 20_000)

test('calls of a day that has ended when they are written raise no alert, and count in their day', async () => {
  const { tenant, caller, call, exhausted } = await enter(5)
  clock.set('2026-11-21T23:59:59.500Z')
  call(5)
  clock.set('2026-11-22T00:00:00.400Z')
  call(1)
  await services().apiCalls.flush()
  await services().metering.told(tenant.id)
  expect((await caller.events.list({ tenantId: 'current' })).items).toEqual([])
  await services().metering.remembered(tenant.id)
  expect((await caller.tenants.usage()).apiCallsToday).toBe(1)
  expect(await exhausted()).toBeNull()
  const { items } = await caller.usage.events({ tenantId: tenant.id, metric: 'api_calls' })
  expect(items.map(({ amount }) => amount).toSorted()).toEqual([1, 5])
})

test('calls that are not counted for good are told to the log', async () => {
  const { found } = await enter(5)
  const told = vi.spyOn(installation.dependencies.logger, 'warn')
  onTestFinished(() => told.mockRestore())
  const purged = { ...found, id: '019cf6a1-4e00-7000-8000-00000000dead' }
  for (let made = 0; made < 3; made += 1) services().apiCalls.count(purged)
  await services().apiCalls.flush()
  const calls = { tenantId: purged.id, calls: 3, outcome: 'unknown_tenant' }
  expect(told.mock.calls).toContainEqual([calls, expect.any(String)])
})
