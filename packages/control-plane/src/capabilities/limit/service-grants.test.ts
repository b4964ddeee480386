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
const reason = 'For the launch'

test('a grant unblocks at once, is told as the source of the limit, and stands in both logs', async () => {
  const { tenant, caller, operators } = await enterLimited(installation)
  await consume(caller, 'pipeline_runs', 20)
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })

  const wanted = { meter: 'pipeline_runs', amount: 5, reason, expiresAt: '2026-12-01T00:00:00.000Z' }
  const grant = await operators.limits.grant({ ...current, ...wanted })
  expect(grant).toMatchObject({ ...wanted, createdAt: '2026-11-21T10:00:00.000Z' })
  expect(await operators.limits.grants(current)).toEqual({ items: [grant], nextCursor: null })
  expect(await toldOf(caller, 'pipeline_runs')).toEqual({
    limit: 25,
    grace: 0,
    source: 'grant',
    used: 20,
    state: 'warning',
  })
  await consume(caller, 'pipeline_runs', 5)
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ details: { limit: 25, used: 25 } })

  const entry = {
    action: 'limits.granted',
    targetId: grant.id,
    details: { reason },
    changes: {
      pipeline_runs: { before: null, after: 5 },
      expiresAt: { before: null, after: wanted.expiresAt },
    },
  }
  const logs = [await installation.auditEntries(tenant.id), await installation.platformAuditEntries()]
  for (const log of logs) expect(log.filter(({ action }) => action === entry.action)).toMatchObject([entry])
})

test('grants add up on an override, also on one of none, and each ends at its own time', async () => {
  const { caller, operators } = await enterLimited(installation)
  await operators.limits.setOverrides({ ...current, overrides: { tokens: { value: 0 } }, reason })
  await operators.limits.grant({ ...current, meter: 'tokens', amount: 10, reason, expiresAt: '2026-11-21T11:00:00Z' })
  await operators.limits.grant({ ...current, meter: 'tokens', amount: 3, reason })
  expect(await toldOf(caller, 'tokens')).toMatchObject({ limit: 13, source: 'grant' })
  await consume(caller, 'tokens', 5)
  clock.set('2026-11-21T11:00:00Z')
  await expect(consume(caller, 'tokens', 1)).rejects.toMatchObject({ details: { limit: 3, used: 5 } })
  expect(await toldOf(caller, 'tokens')).toMatchObject({ limit: 3, source: 'grant', state: 'blocked' })
  expect((await operators.limits.grants(current)).items).toMatchObject([{ amount: 3 }])
})

test('taken back, it blocks what is used above and tells the alerts without another event', async () => {
  const { tenant, caller, operators } = await enterLimited(installation)
  const { id: grantId } = await operators.limits.grant({ ...current, meter: 'pipeline_runs', amount: 80, reason })
  await consume(caller, 'pipeline_runs', 40)
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([])
  expect(await operators.limits.revokeGrant({ ...current, grantId })).toEqual({
    id: grantId,
    revokedAt: '2026-11-21T10:00:00.000Z',
  })
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 20, source: 'plan', state: 'blocked' })
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  expect((await operators.limits.grants(current)).items).toEqual([])
  expect(
    (await installation.auditEntries(tenant.id)).filter(({ action }) => action === 'limits.grant_revoked'),
  ).toMatchObject([{ targetId: grantId, changes: { pipeline_runs: { before: 80, after: null } } }])
})

test('a grant is taken back once, whoever asks for it at the same moment', async () => {
  const { operators } = await enterLimited(installation)
  const { id: grantId } = await operators.limits.grant({ ...current, meter: 'tokens', amount: 1, reason })
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => operators.limits.revokeGrant({ ...current, grantId })))
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
  expect(refused).toEqual(['limit_grant.not_found', 'limit_grant.not_found'])
})

test('a grant of another tenant is none', async () => {
  const [here, there] = [await enterLimited(installation), await enterLimited(installation)]
  const { id: grantId } = await there.operators.limits.grant({ ...current, meter: 'tokens', amount: 1, reason })
  await expect(here.operators.limits.revokeGrant({ ...current, grantId })).rejects.toMatchObject({
    code: 'limit_grant.not_found',
  })
  expect((await here.operators.limits.grants(current)).items).toEqual([])
  expect((await there.operators.limits.grants(current)).items).toMatchObject([{ id: grantId }])
})

test('a process that has counted for the tenant before lets through what was granted', async () => {
  const { tenant, operators } = await enterLimited(installation)
  const writer = await startWriter(installation.testDatabase)
  try {
    const used = { tenantId: tenant.id, amount: 110_000 }
    expect(await writer.write([itemOf(used), itemOf({ ...used, amount: 1 })])).toEqual(['counted', 'over_limit'])
    await operators.limits.grant({ ...current, meter: 'tokens', amount: 10_001, reason })
    expect(await writer.write([itemOf({ ...used, amount: 1 })])).toEqual(['counted'])
  } finally {
    await writer.close()
  }
})

test('it holds for what is counted from its own rows, too', async () => {
  const { caller, operators } = await enterLimited(installation)
  const make = (name: string) => caller.teams.create({ ...current, name })
  for (const name of ['One', 'Two']) await make(name)
  await expect(make('Three')).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  await operators.limits.grant({ ...current, meter: 'teams', amount: 1, reason })
  await make('Three')
  await expect(make('Four')).rejects.toMatchObject({ code: 'usage.limit_exceeded', details: { limit: 3 } })
})

test('what is refused names the field', async () => {
  const { operators } = await enterLimited(installation)
  const wanted = { ...current, meter: 'tokens', amount: 1, reason }
  for (const [wrong, path] of [
    [{ meter: 'toasts' }, 'meter'],
    [{ amount: 0 }, 'amount'],
    [{ amount: -1 }, 'amount'],
    [{ amount: 1.5 }, 'amount'],
    [{ expiresAt: '2026-11-21T10:00:00Z' }, 'expiresAt'],
    [{ reason: ' ' }, 'reason'],
  ] as const) {
    const refused = operators.limits.grant({ ...wanted, ...wrong })
    await expect(refused).rejects.toMatchObject({ code: 'request.invalid', details: { issues: [{ path }] } })
  }
  expect((await operators.limits.grants(current)).items).toEqual([])
})
