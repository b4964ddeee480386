import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
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
  expect((await caller.limits.requests(current)).items).toEqual([decided])
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

test('a request of another tenant is none', async () => {
  const [here, there] = [await enterLimited(installation), await enterLimited(installation)]
  const { id: requestId } = await there.caller.limits.request({ ...current, ...wanted })
  const deciding = here.operators.limits.decide({ ...current, requestId, decision: 'approved', reason: decisionReason })
  await expect(deciding).rejects.toMatchObject({ code: 'limit_request.not_found' })
  expect((await here.caller.limits.requests(current)).items).toEqual([])
  expect((await there.caller.limits.requests(current)).items).toMatchObject([{ id: requestId, state: 'open' }])
})
