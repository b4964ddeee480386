import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { consume, enterLimited, toldOf } from '../limit/service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const wanted = { meter: 'pipeline_runs', value: 30, reason: 'We grow' }
const decisionReason = 'As agreed'

test('what is asked for changes nothing until it is approved, and then holds at once', async () => {
  const { tenant, caller, operators } = await enterLimited(installation)
  await consume(caller, 'pipeline_runs', 20)
  const request = await caller.limits.request({ ...current, ...wanted })
  expect(request).toMatchObject({ ...wanted, state: 'open', decisionReason: null, decidedAt: null })
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })

  const decision = { requestId: request.id, decision: 'approved', reason: decisionReason } as const
  const decided = await operators.limits.decide({ ...current, ...decision })
  expect(decided).toMatchObject({ id: request.id, state: 'approved', decisionReason, decidedAt: expect.any(String) })
  expect((await caller.limits.requests(current)).items).toEqual([{ ...decided, currentLimit: 30 }])
  await consume(caller, 'pipeline_runs', 10)
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 30, source: 'override', state: 'blocked' })

  const log = await installation.auditEntries(tenant.id)
  expect(log.filter(({ action }) => action.startsWith('limits.'))).toMatchObject([
    { action: 'limits.requested', targetId: request.id, changes: { pipeline_runs: { before: null, after: 30 } } },
    {
      action: 'limits.request_decided',
      targetId: request.id,
      changes: { state: { before: 'open', after: 'approved' } },
    },
    {
      action: 'limits.overridden',
      details: { reason: decisionReason },
      changes: { pipeline_runs: { before: null, after: 30 } },
    },
  ])
})

test('what is declined leaves the limit, and the meter may be asked for again', async () => {
  const { caller, operators } = await enterLimited(installation)
  const { id: requestId } = await caller.limits.request({ ...current, ...wanted, value: 'unlimited' })
  await operators.limits.decide({ ...current, requestId, decision: 'declined', reason: 'Too early' })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 20, source: 'plan' })
  expect(await operators.limits.overrides(current)).toEqual({ overrides: [] })
  const { id } = await caller.limits.request({ ...current, ...wanted })
  expect((await caller.limits.requests({ ...current, state: 'open' })).items.map((item) => item.id)).toEqual([id])
  expect((await caller.limits.requests(current)).items.map(({ value }) => value)).toEqual([30, null])
})

test('no more than holds today is not asked for, grace and overrides included', async () => {
  const { caller, operators } = await enterLimited(installation)
  const refused = (meter: string, value: number | 'unlimited', message: string) =>
    expect(caller.limits.request({ ...current, meter, value, reason: 'We grow' })).rejects.toMatchObject({
      code: 'request.invalid',
      details: { issues: [{ path: 'value', message }] },
    })
  await refused('tokens', 110_000, 'Today 110000 are allowed: ask for more.')
  await operators.limits.setOverrides({ ...current, overrides: { tokens: { value: 200_000 } }, reason: 'A trial' })
  await refused('tokens', 200_000, 'Today 200000 are allowed: ask for more.')
  await caller.limits.request({ ...current, meter: 'tokens', value: 200_001, reason: 'We grow' })
  await operators.limits.setOverrides({ ...current, overrides: { users: { value: null } }, reason: 'A trial' })
  await refused('users', 'unlimited', 'users has no limit today.')
})

test('one request of a meter waits at a time, however many ask at once', async () => {
  const { caller } = await enterLimited(installation)
  const asked = await Promise.allSettled([1, 2, 3].map(() => caller.limits.request({ ...current, ...wanted })))
  const refused = asked.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
  expect(refused).toEqual(['limit_request.already_open', 'limit_request.already_open'])
  await caller.limits.request({ ...current, ...wanted, meter: 'tokens', value: 'unlimited' })
})

test('a request is decided once, whoever decides at the same moment', async () => {
  const { caller, operators } = await enterLimited(installation)
  const { id: requestId } = await caller.limits.request({ ...current, ...wanted })
  const decisions = (['approved', 'declined', 'approved'] as const).map((decision) =>
    operators.limits.decide({ ...current, requestId, decision, reason: decisionReason }),
  )
  const outcomes = await Promise.allSettled(decisions)
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
  expect(refused).toEqual(['limit_request.already_decided', 'limit_request.already_decided'])
  const [request] = (await caller.limits.requests(current)).items
  expect((await operators.limits.overrides(current)).overrides).toHaveLength(request?.state === 'approved' ? 1 : 0)
})

test('what by now would allow no more is not approved, and may be declined', async () => {
  const { tenant, caller, operators } = await enterLimited(installation)
  const { id: requestId } = await caller.limits.request({ ...current, ...wanted, value: 21 })
  const decide = (decision: 'approved' | 'declined') =>
    operators.limits.decide({ ...current, requestId, decision, reason: decisionReason })
  const refused = async (standing: string, details: object) => {
    const advice = 'Decline the request, or set an override where less is meant.'
    const message = `Today ${standing}: approving 21 would allow no more. ${advice}`
    const meter = wanted.meter
    const code = 'limit_request.no_more_needed'
    await expect(decide('approved')).rejects.toMatchObject({
      code,
      status: 409,
      message,
      details: { meter, ...details },
    })
  }
  await operators.tenants.update({ ...current, plan: 'business' })
  await refused('5000 of pipeline_runs are allowed', { limit: 5000, hardLimit: 5000 })
  const overriding = (overrides: Record<string, { value: number | null } | null>) =>
    operators.limits.setOverrides({ ...current, overrides, reason: 'A trial' })
  await overriding({ pipeline_runs: { value: 21 } })
  await refused('21 of pipeline_runs are allowed', { limit: 21, hardLimit: 21 })
  await overriding({ pipeline_runs: { value: null } })
  await refused('pipeline_runs has no limit', { limit: null, hardLimit: null })
  await overriding({ pipeline_runs: null })

  expect((await caller.limits.requests(current)).items).toMatchObject([
    { id: requestId, state: 'open', value: 21, currentLimit: 5000 },
  ])
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 5000, source: 'plan' })
  const actions = (await installation.auditEntries(tenant.id)).map(({ action }) => action)
  expect(actions).not.toContain('limits.request_decided')
  expect(await decide('declined')).toMatchObject({ state: 'declined' })
})

test('an approval waits for a change of plan that is under way, and looks at what holds after it', async () => {
  const { tenant, caller, operators } = await enterLimited(installation)
  const { id: requestId } = await caller.limits.request({ ...current, ...wanted })
  const waiting = `select from pg_locks where locktype = 'transactionid' and not granted
    and pid in (select pid from pg_stat_activity where datname = current_database())`
  const changing = new pg.Client(installation.testDatabase.adminUrl)
  await changing.connect()
  try {
    await changing.query('begin')
    await changing.query("update tenantry.tenants set plan = 'business' where id = $1", [tenant.id])
    const decision = { requestId, decision: 'approved', reason: decisionReason } as const
    const deciding = Promise.allSettled([operators.limits.decide({ ...current, ...decision })])
    await expect.poll(() => asAdmin(installation, waiting, []), { timeout: 10_000 }).toBe(1)
    await changing.query('commit')
    expect(await deciding).toMatchObject([{ reason: { code: 'limit_request.no_more_needed' } }])
  } finally {
    await changing.end()
  }
  expect((await operators.limits.overrides(current)).overrides).toEqual([])
})

test('a request of another tenant is none', async () => {
  const [here, there] = [await enterLimited(installation), await enterLimited(installation)]
  const { id: requestId } = await there.caller.limits.request({ ...current, ...wanted })
  const deciding = here.operators.limits.decide({ ...current, requestId, decision: 'approved', reason: decisionReason })
  await expect(deciding).rejects.toMatchObject({ code: 'limit_request.not_found' })
  expect((await here.caller.limits.requests(current)).items).toEqual([])
  expect((await there.caller.limits.requests(current)).items).toMatchObject([{ id: requestId, state: 'open' }])
})
