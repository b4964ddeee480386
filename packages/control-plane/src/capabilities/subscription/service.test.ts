import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { consume, toldOf } from '../limit/service.fixture.ts'
import { putRole } from '../role/service.fixture.ts'
import { createTestClock } from '../usage/service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }

test('a subscription shows its plan with the price, the features, and the month that goes on in the timezone', async () => {
  const { caller } = await installation.enter({ plan: 'starter', timezone: 'Asia/Tokyo' })
  expect(await caller.subscription.get(current)).toMatchObject({
    plan: 'starter',
    title: 'Starter',
    startedAt: '2026-11-21T10:00:00.000Z',
    periodAnchor: 'calendar',
    timezone: 'Asia/Tokyo',
    currentPeriod: { startsAt: '2026-10-31T15:00:00.000Z', endsAt: '2026-11-30T15:00:00.000Z' },
    scheduledChange: null,
    features: expect.arrayContaining(['api_access', 'basic_chat']),
    currency: 'USD',
    monthlyPriceMicros: 29_000_000,
    overagePrices: { tokens: { micros: 4_000_000, per: 1_000_000 } },
  })
})

test('a new timezone is named once periods are counted in it', async () => {
  const { caller } = await installation.enter({ plan: 'starter', timezone: 'Asia/Tokyo' })
  await caller.tenants.update({ ...current, timezone: 'Europe/Berlin' })
  expect(await caller.subscription.get(current)).toMatchObject({ timezone: 'Asia/Tokyo' })
  clock.set('2026-12-02T10:00:00Z')
  expect(await caller.subscription.get(current)).toMatchObject({ timezone: 'Europe/Berlin' })
  clock.set('2026-11-21T10:00:00Z')
})

test('an upgrade holds from the answer on, ends a block, and stands in the log', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  await consume(caller, 'pipeline_runs', 20)
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  expect(await caller.subscription.preview({ ...current, plan: 'Starter' })).toMatchObject({
    from: 'free',
    to: 'starter',
    direction: 'upgrade',
    monthlyPriceMicros: 29_000_000,
    breaking: [],
    raisedLimits: expect.arrayContaining([{ meter: 'pipeline_runs', before: 20, after: 200 }]),
    loweredLimits: [],
    gainedFeatures: ['api_access', 'custom_branding', 'analytics'],
    lostFeatures: [],
  })
  expect(await caller.subscription.change({ ...current, plan: 'Starter' })).toMatchObject({ plan: 'starter' })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 200, used: 20, state: 'ok' })
  await consume(caller, 'pipeline_runs', 180)
  expect(await caller.tenants.info()).toMatchObject({
    subscriptionTier: 'starter',
    features: expect.arrayContaining(['api_access']),
  })
  expect((await installation.auditEntries(tenant.id)).at(-1)).toMatchObject({
    action: 'subscription.changed',
    actorId: user.id,
    changes: { plan: { before: 'free', after: 'starter' } },
  })
})

/** All of it at once: counters in grace and past it, a gauge, people, teams, roles, keys, a setting. */
async function enterBusiness() {
  const entered = await installation.enter({ plan: 'enterprise' })
  const { tenant, caller } = entered
  for (let made = 0; made < 5; made += 1) await installation.createMember(tenant.id, made === 0 ? 'admin' : 'member')
  for (const name of ['One', 'Two', 'Three']) await caller.teams.create({ ...current, name })
  await putRole(installation, { tenantId: tenant.id, name: 'Analyst', scopes: ['analytics:read'] })
  await caller.apiKeys.create({ ...current, name: 'Reporting', scopes: ['usage:write'] })
  await caller.tenants.updateSettings({ settings: { features: { ssoEnabled: true } } })
  await consume(caller, 'tokens', 105_000)
  await consume(caller, 'pipeline_runs', 21)
  await caller.usage.setGauge({ ...current, meter: 'events', value: 2 })
  await caller.usage.setGauge({ ...current, meter: 'conversations', value: 50 })
  return entered
}

const everythingBroken = [
  { kind: 'count', name: 'users', used: 6, limit: 5, excess: 1 },
  { kind: 'count', name: 'admins', used: 2, limit: 1, excess: 1 },
  { kind: 'count', name: 'teams', used: 3, limit: 2, excess: 1 },
  { kind: 'count', name: 'custom_roles', used: 1, limit: 0, excess: 1 },
  { kind: 'meter', name: 'tokens', used: 105_000, limit: 100_000, hardLimit: 110_000, excess: 5_000, state: 'grace' },
  { kind: 'meter', name: 'events', used: 2, limit: 1, hardLimit: 1, excess: 1, state: 'blocked' },
  { kind: 'meter', name: 'pipeline_runs', used: 21, limit: 20, hardLimit: 20, excess: 1, state: 'blocked' },
  { kind: 'feature', name: 'api_access', usedBy: [{ type: 'api_keys', count: 1, names: ['Reporting'] }] },
  { kind: 'feature', name: 'analytics', usedBy: [{ type: 'custom_roles', count: 1, names: ['Analyst'] }] },
  { kind: 'feature', name: 'sso', usedBy: [{ type: 'settings', count: 1, names: ['features.ssoEnabled'] }] },
].map((broken) => expect.objectContaining(broken))

test('a downgrade that breaks everything at once names all of it, and is made only where that is accepted', async () => {
  const { caller } = await enterBusiness()
  const preview = await caller.subscription.preview({ ...current, plan: 'free' })
  expect(preview.breaking).toEqual(everythingBroken)
  expect(preview).toMatchObject({
    direction: 'downgrade',
    raisedLimits: [],
    loweredLimits: expect.arrayContaining([{ meter: 'tokens', before: null, after: 100_000 }]),
    lostFeatures: expect.arrayContaining(['sla', 'sponsors']),
  })
  for (const when of ['now', 'period_end'] as const) {
    const refused = caller.subscription.change({ ...current, plan: 'free', when })
    await expect(refused).rejects.toMatchObject({
      code: 'subscription.would_break',
      details: { breaking: preview.breaking },
    })
  }
  expect(await caller.subscription.get(current)).toMatchObject({ plan: 'enterprise', scheduledChange: null })
  const accepted = { ...current, plan: 'free', acceptBreaking: true }
  expect(await caller.subscription.change(accepted)).toMatchObject({ plan: 'free' })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 20, used: 21, state: 'blocked' })
  expect(await toldOf(caller, 'tokens')).toMatchObject({ limit: 100_000, state: 'grace' })
})

test('who sees the finances only is told how many keys, roles and settings would break, not what they are called', async () => {
  const { tenant, caller } = await enterBusiness()
  const scopes = ['finance:view']
  const { id } = await caller.apiKeys.create({ ...current, name: 'Accounting', scopes })
  const reader = installation.callerAs({ type: 'apiKey', id, tenantId: tenant.id, scopes }, tenant.id)
  const { breaking } = await reader.subscription.preview({ ...current, plan: 'free' })
  const usedBy = breaking.flatMap((broken) => broken.usedBy ?? [])
  expect(usedBy.map(({ type, names }) => [type, names])).toEqual([
    ['api_keys', []],
    ['custom_roles', []],
    ['settings', []],
  ])
})

test('what an override or a grant allows does not break, and what no lower plan changes neither', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'starter' })
  const operators = installation.callerAs(operator, tenant.id)
  await consume(caller, 'pipeline_runs', 60)
  await operators.limits.setOverrides({ ...current, overrides: { pipeline_runs: { value: 90 } }, reason: 'A trial' })
  await caller.usage.setGauge({ ...current, meter: 'events', value: 2 })
  await operators.limits.grant({ ...current, meter: 'events', amount: 1, reason: 'A launch' })
  await caller.subscription.change({ ...current, plan: 'free' })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 90, source: 'override', state: 'ok' })
})

test('an override that holds a meter below the new plan, or above it, is told of, and no other', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const operators = installation.callerAs(operator, tenant.id)
  const overrides = {
    pipeline_runs: { value: 20 },
    tokens: { value: null },
    teams: { value: 10 },
    events: { value: 2, expiresAt: '2026-11-25T00:00:00Z' },
  }
  await operators.limits.setOverrides({ ...current, overrides, reason: 'A trial' })
  await operators.limits.grant({ ...current, meter: 'conversations', amount: 1, reason: 'A launch' })
  const kept = [
    { meter: 'tokens', value: null, planWouldAllow: 1_000_000 },
    { meter: 'pipeline_runs', value: 20, planWouldAllow: 200 },
  ]
  const ending = { meter: 'events', value: 2, planWouldAllow: 5 }
  const told = async (answer: Promise<{ keptOverrides: unknown[] }>) => (await answer).keptOverrides
  const all = expect.arrayContaining([...kept, ending])
  const preview = await told(caller.subscription.preview({ ...current, plan: 'starter' }))
  expect(preview).toEqual(all)
  expect(preview).toHaveLength(3)
  // By then the one of events has ended.
  expect(await told(caller.subscription.change({ ...current, plan: 'starter', when: 'period_end' }))).toEqual(kept)
  expect(await told(caller.subscription.change({ ...current, plan: 'starter' }))).toEqual(preview)
  await consume(caller, 'pipeline_runs', 20)
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ details: { limit: 20 } })
})

test('an upgrade takes higher plans only, a downgrade lower ones, and a refusal says what to call', async () => {
  const { caller } = await installation.enter({ plan: 'starter' })
  const { upgrade, downgrade, change } = caller.subscription
  const refusal = (code: string, message: string) => ({
    code: `subscription.${code}`,
    message: expect.stringContaining(message),
    details: { issues: [{ path: 'plan' }] },
  })
  const refused = (call: typeof change, plan: string, when: 'now' | 'period_end' = 'now') =>
    expect(call({ ...current, plan, when })).rejects
  await refused(upgrade, 'Free').toMatchObject(refusal('not_higher', '/subscription/downgrade'))
  await refused(upgrade, 'free', 'period_end').toMatchObject(refusal('not_higher', '/subscription/downgrade'))
  await refused(upgrade, 'starter').toMatchObject(refusal('not_higher', '/subscription/change'))
  await refused(downgrade, 'business').toMatchObject(refusal('not_lower', '/subscription/upgrade'))
  await refused(downgrade, 'starter').toMatchObject(refusal('not_lower', '/subscription/change'))
  expect(await upgrade({ ...current, plan: 'Professional' })).toMatchObject({ plan: 'professional', keptOverrides: [] })
  expect(await downgrade({ ...current, plan: 'free' })).toMatchObject({ plan: 'free' })
  expect(await change({ ...current, plan: 'business' })).toMatchObject({ plan: 'business' })
  expect(await change({ ...current, plan: 'free' })).toMatchObject({ plan: 'free' })
})

test('an upgrade below what is used breaks nothing that was not broken before', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  await caller.usage.track({ ...current, metric: 'pipeline_runs', amount: 500 })
  const { breaking } = await caller.subscription.preview({ ...current, plan: 'starter' })
  expect(breaking).toEqual([])
})

test('a plan that is none is refused, with those there are', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  for (const call of [caller.subscription.preview, caller.subscription.change])
    await expect(call({ ...current, plan: 'gold' })).rejects.toMatchObject({
      code: 'tenant.unknown_plan',
      message: expect.stringContaining('free, starter, professional, business, enterprise'),
      details: { issues: [{ path: 'plan' }] },
    })
})

test('an admin sees and previews, and only owners and operators change', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free', role: 'admin' })
  expect(await caller.subscription.get(current)).toMatchObject({ plan: 'free' })
  await caller.subscription.preview({ ...current, plan: 'starter' })
  await expect(caller.subscription.change({ ...current, plan: 'starter' })).rejects.toMatchObject({
    code: 'auth.permission_denied',
    details: { missingScope: 'tenant:own' },
  })
  const operators = installation.callerAs(operator, tenant.id)
  expect(await operators.subscription.change({ ...current, plan: 'starter' })).toMatchObject({ plan: 'starter' })
})

test('a suspended tenant reads its subscription; only operators change it', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const operators = installation.callerAs(operator, tenant.id)
  await operators.tenants.suspend({ ...current, reason: 'Unpaid' })
  expect(await caller.subscription.get(current)).toMatchObject({ plan: 'free' })
  await caller.subscription.preview({ ...current, plan: 'starter' })
  const refused = caller.subscription.change({ ...current, plan: 'starter' })
  await expect(refused).rejects.toMatchObject({ code: 'tenant.inactive' })
  expect(await operators.subscription.change({ ...current, plan: 'starter' })).toMatchObject({ plan: 'starter' })
})
