import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { itemOf, startWriter } from '../metering/writers.fixture.ts'
import { createTestClock } from '../usage/service.fixture.ts'
import { alertsOf, consume, enterLimited, toldOf } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const reason = 'Agreed on the phone'

test('an override holds in place of the plan from its answer on, and what it was is in both logs', async () => {
  const { tenant, caller, operators } = await enterLimited(installation)
  await consume(caller, 'tokens', 90_000)
  expect(await toldOf(caller, 'tokens')).toMatchObject({ limit: 100_000, source: 'plan' })

  const overrides = { tokens: { value: 200_000, expiresAt: '2026-12-01T00:00:00.000Z' }, events: { value: 0 } }
  const kept = { reason, createdAt: '2026-11-21T10:00:00.000Z' }
  const answer = {
    overrides: [
      { meter: 'events', value: 0, expiresAt: null, ...kept },
      { meter: 'tokens', ...overrides.tokens, ...kept },
    ],
  }
  expect(await operators.limits.setOverrides({ ...current, overrides, reason })).toEqual(answer)
  expect(await operators.limits.overrides(current)).toEqual(answer)

  expect(await toldOf(caller, 'tokens')).toEqual({
    limit: 200_000,
    grace: 0,
    source: 'override',
    used: 90_000,
    state: 'ok',
  })
  await consume(caller, 'tokens', 110_000)
  await expect(consume(caller, 'tokens', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  await expect(consume(caller, 'events', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })

  const entry = {
    action: 'limits.overridden',
    details: { reason },
    changes: {
      events: { before: null, after: 0 },
      tokens: { before: null, after: 200_000 },
      'tokens.expiresAt': { before: null, after: '2026-12-01T00:00:00.000Z' },
    },
  }
  const logs = [await installation.auditEntries(tenant.id), await installation.platformAuditEntries()]
  for (const log of logs) expect(log.filter(({ action }) => action === entry.action)).toMatchObject([entry])
})

test('only the meters that are named change, and null gives one back to the plan', async () => {
  const { tenant, caller, operators } = await enterLimited(installation)
  const set = (overrides: Parameters<typeof operators.limits.setOverrides>[0]['overrides']) =>
    operators.limits.setOverrides({ ...current, overrides, reason })
  await set({ tokens: { value: 5 }, events: { value: 6 } })
  const { overrides } = await set({ tokens: null, storage: { value: 7 } })
  expect(overrides.map(({ meter, value }) => [meter, value])).toEqual([
    ['events', 6],
    ['storage', 7],
  ])
  expect(await toldOf(caller, 'tokens')).toMatchObject({ limit: 100_000, grace: 10_000, source: 'plan' })
  await consume(caller, 'tokens', 110_000)
  expect((await installation.auditEntries(tenant.id)).at(-1)?.changes).toEqual({
    storage: { before: null, after: 7 },
    tokens: { before: 5, after: null },
  })
})

test.each([[null], [-1], ['unlimited' as const]])('a value of %s is unlimited', async (value) => {
  const { tenant, caller, operators } = await enterLimited(installation)
  const { overrides } = await operators.limits.setOverrides({ ...current, overrides: { tokens: { value } }, reason })
  expect(overrides).toMatchObject([{ meter: 'tokens', value: null }])
  const [entry] = await installation.auditEntries(tenant.id)
  expect(entry?.changes).toEqual({ tokens: { before: null, after: -1 } })
  await consume(caller, 'tokens', 1_000_000_000)
  expect(await toldOf(caller, 'tokens')).toMatchObject({ limit: null, source: 'override', state: 'ok' })
})

test('lowered below what is used it blocks and tells its alerts at once, raised it unblocks', async () => {
  const { tenant, caller, operators } = await enterLimited(installation)
  const set = (value: number) => operators.limits.setOverrides({ ...current, overrides: { tokens: { value } }, reason })
  await consume(caller, 'tokens', 1_000)
  await set(1_000)
  expect(await toldOf(caller, 'tokens')).toMatchObject({ state: 'blocked' })
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])
  await expect(consume(caller, 'tokens', 1)).rejects.toMatchObject({ details: { limit: 1_000, used: 1_000 } })
  await set(1_001)
  await consume(caller, 'tokens', 1)
})

test('an override that has ended is listed no longer, and the plan holds again', async () => {
  const { caller, operators } = await enterLimited(installation)
  const overrides = { tokens: { value: 5, expiresAt: '2026-11-21T11:00:00Z' } }
  await operators.limits.setOverrides({ ...current, overrides, reason })
  await expect(consume(caller, 'tokens', 6)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  clock.set('2026-11-21T11:00:00Z')
  expect(await operators.limits.overrides(current)).toEqual({ overrides: [] })
  await consume(caller, 'tokens', 6)
  expect(await toldOf(caller, 'tokens')).toMatchObject({ limit: 100_000, source: 'plan' })
})

test('a process that has counted for the tenant before holds to it with its next event', async () => {
  const { tenant, operators } = await enterLimited(installation)
  const writer = await startWriter(installation.testDatabase)
  try {
    expect(await writer.write([itemOf({ tenantId: tenant.id, amount: 10 })])).toEqual(['counted'])
    await operators.limits.setOverrides({ ...current, overrides: { tokens: { value: 10 } }, reason })
    expect(await writer.write([itemOf({ tenantId: tenant.id, amount: 1 })])).toEqual(['over_limit'])
  } finally {
    await writer.close()
  }
})

test('it holds for what is counted from its own rows, too', async () => {
  const { caller, operators } = await enterLimited(installation)
  await operators.limits.setOverrides({ ...current, overrides: { teams: { value: 0 } }, reason })
  await expect(caller.teams.create({ ...current, name: 'One' })).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
})

test('operators who set the same meter at the same moment leave one override, and each change is told from the one before', async () => {
  const { tenant, operators } = await enterLimited(installation)
  const values = [1, 2, 3, 4, 5]
  await Promise.all(
    values.map((value) => operators.limits.setOverrides({ ...current, overrides: { tokens: { value } }, reason })),
  )
  const changes = (await installation.auditEntries(tenant.id)).map((entry) => entry.changes?.tokens)
  const [last] = (await operators.limits.overrides(current)).overrides
  expect(changes.map((change) => change?.after as number).toSorted()).toEqual(values)
  const befores = new Set(changes.map((change) => change?.before))
  expect(befores.size).toBe(values.length)
  expect(values.filter((value) => !befores.has(value))).toEqual([last?.value])
})

test.each([
  [{ toasts: { value: 1 }, tokens: { value: 1 } }, ['overrides.toasts']],
  [{ constructor: { value: 1 } }, ['overrides.constructor']],
  [{ tokens: { value: 1, expiresAt: '2026-11-21T10:00:00Z' } }, ['overrides.tokens.expiresAt']],
  [{ tokens: { value: -2 } }, ['overrides.tokens.value']],
  [{ tokens: { value: 1.5 } }, ['overrides.tokens.value']],
  [{}, ['overrides']],
])('%j is refused naming what is wrong, and changes nothing', async (overrides, paths) => {
  const { operators } = await enterLimited(installation)
  const refused = operators.limits.setOverrides({ ...current, overrides, reason })
  await expect(refused).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: paths.map((path) => expect.objectContaining({ path })) },
  })
  expect(await operators.limits.overrides(current)).toEqual({ overrides: [] })
})
