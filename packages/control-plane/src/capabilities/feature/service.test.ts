import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { createTestClock } from '../usage/service.fixture.ts'

const start = '2026-11-21T10:00:00Z'
const clock = createTestClock(start)
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
afterAll(() => installation.close())
beforeEach(() => clock.set(start))

const current = { tenantId: 'current' }
const reason = 'A trial'

async function enter(plan: string) {
  const entered = await installation.enter({ plan })
  return { ...entered, operators: installation.callerAs(operator, entered.tenant.id) }
}

/** What the tenant is told at every place. */
async function toldOf(caller: InternalCaller, feature: string) {
  const [info, limits, subscription] = [
    await caller.tenants.info(),
    await caller.tenants.limits(),
    await caller.subscription.get(current),
  ]
  const { allowed, reasons } = await caller.access.check({ ...current, feature })
  const { steps } = await caller.access.explain({ ...current, feature })
  const places = [info, limits, subscription].map(({ features }) => features.includes(feature))
  expect(places).toEqual([allowed, allowed, allowed])
  return { allowed, reason: reasons[0]?.detail, step: steps.find(({ step }) => step === 'plan_feature') }
}

test('a feature that is granted holds from the answer on, whatever the plan, until it is left to the plan again', async () => {
  const { tenant, caller, operators } = await enter('free')
  expect(await toldOf(caller, 'sso')).toMatchObject({ allowed: false, step: { outcome: 'failed' } })
  const { overrides } = await operators.features.setOverrides({
    ...current,
    overrides: { sso: { granted: true } },
    reason,
  })
  expect(overrides).toMatchObject([{ feature: 'sso', granted: true, reason, expiresAt: null }])
  expect(await operators.features.overrides(current)).toEqual({ overrides })
  expect(await toldOf(caller, 'sso')).toMatchObject({
    allowed: true,
    step: {
      outcome: 'passed',
      detail: 'An override grants sso to this tenant, whatever the plan has, for good.',
    },
  })
  await caller.tenants.updateSettings({ settings: { features: { ssoEnabled: true } } })
  await operators.features.setOverrides({ ...current, overrides: { sso: null }, reason: 'It is over' })
  expect(await toldOf(caller, 'sso')).toMatchObject({ allowed: false })
  const written = (await installation.auditEntries(tenant.id)).filter(({ action }) => action === 'features.overridden')
  expect(written).toMatchObject([
    { changes: { sso: { before: null, after: 'granted' } }, details: { reason } },
    { changes: { sso: { before: 'granted', after: null } }, details: { reason: 'It is over' } },
  ])
})

test('a feature that is withdrawn takes its scopes along, and its API keys', async () => {
  const { caller, operators } = await enter('business')
  const { key } = await caller.apiKeys.create({ ...current, name: 'Reporting', scopes: ['usage:read'] })
  const { apiKeys } = installation.dependencies
  const nobody = { address: null, userAgent: null }
  expect(await apiKeys.verify(key, nobody)).toMatchObject({ refusal: null })
  await operators.features.setOverrides({ ...current, overrides: { api_access: { granted: false } }, reason })
  expect(await toldOf(caller, 'api_access')).toMatchObject({
    allowed: false,
    reason: 'The plan business has the feature api_access, but an override withdrew it from this tenant.',
    step: { outcome: 'failed', wouldChange: 'A platform admin who takes it away.' },
  })
  await expect(caller.apiKeys.list(current)).rejects.toMatchObject({
    code: 'auth.permission_denied',
    details: { missingScope: 'keys:read', requiresFeature: 'api_access' },
  })
  expect(await apiKeys.verify(key, nobody)).toMatchObject({
    refusal: { code: 'api_key.access_disabled', message: 'API access was withdrawn from this tenant.' },
  })
})

test('it ends at its instant on every cached answer, to the millisecond', async () => {
  const { caller, operators } = await enter('free')
  const overrides = {
    api_access: { granted: true, expiresAt: '2026-11-21T11:00:00Z' },
    basic_chat: { granted: false, expiresAt: '2026-11-21T12:00:00Z' },
  }
  await operators.features.setOverrides({ ...current, overrides, reason })
  clock.set('2026-11-21T10:59:59.999Z')
  expect(await toldOf(caller, 'api_access')).toMatchObject({ allowed: true })
  expect((await caller.apiKeys.list(current)).items).toEqual([])
  clock.set('2026-11-21T11:00:00Z')
  expect(await toldOf(caller, 'api_access')).toMatchObject({ allowed: false })
  await expect(caller.apiKeys.list(current)).rejects.toMatchObject({ code: 'auth.permission_denied' })
  expect(await toldOf(caller, 'basic_chat')).toMatchObject({ allowed: false })
  expect(await operators.features.overrides(current)).toMatchObject({ overrides: [{ feature: 'basic_chat' }] })
  clock.set('2026-11-21T12:00:00Z')
  expect(await toldOf(caller, 'basic_chat')).toMatchObject({ allowed: true })
})

test('what is granted is not lost with the plan, and what is withdrawn not gained', async () => {
  const { caller, operators } = await enter('starter')
  await caller.apiKeys.create({ ...current, name: 'Reporting', scopes: ['usage:read'] })
  const before = await caller.subscription.preview({ ...current, plan: 'free' })
  expect(before.breaking).toMatchObject([{ kind: 'feature', name: 'api_access' }])
  const overrides = { api_access: { granted: true }, sponsors: { granted: false } }
  await operators.features.setOverrides({ ...current, overrides, reason })
  const { breaking, lostFeatures } = await caller.subscription.preview({ ...current, plan: 'free' })
  expect({ breaking, lostFeatures }).toEqual({ breaking: [], lostFeatures: ['custom_branding', 'analytics'] })
  const { gainedFeatures } = await caller.subscription.preview({ ...current, plan: 'professional' })
  expect(gainedFeatures).toEqual(['advanced_judging'])
})

test('one tenant has it, and no other', async () => {
  const { operators } = await enter('free')
  const { caller: other } = await enter('free')
  await operators.features.setOverrides({ ...current, overrides: { sso: { granted: true } }, reason })
  expect(await toldOf(other, 'sso')).toMatchObject({ allowed: false })
})

test('what is held in several tenants shows what counts in each', async () => {
  const { tenant, user, operators } = await enter('free')
  const { tenant: other } = await enter('free')
  await installation.addMember(other.id, user.id, 'owner')
  await operators.features.setOverrides({ ...current, overrides: { api_access: { granted: true } }, reason })
  const { memberships } = await installation.callerAs(user).me.get()
  const scopesIn = (id: string) => memberships.find(({ tenantId }) => tenantId === id)?.roles[0]?.scopes
  expect(scopesIn(tenant.id)).toContain('keys:manage')
  expect(scopesIn(other.id)).not.toContain('keys:manage')
})

test('a feature that is none and an end that has passed are named', async () => {
  const { operators } = await enter('free')
  const overrides = { ssoo: { granted: true }, sso: { granted: true, expiresAt: '2026-11-21T09:00:00Z' } }
  await expect(operators.features.setOverrides({ ...current, overrides, reason })).rejects.toMatchObject({
    code: 'request.invalid',
    details: {
      issues: [
        { path: 'overrides.ssoo', message: expect.stringContaining('basic_chat') },
        { path: 'overrides.sso.expiresAt' },
      ],
    },
  })
})

test('an override of what the catalogue no longer has grants nothing, and can be taken away', async () => {
  const { tenant, caller, operators } = await enter('free')
  await asAdmin(
    installation,
    `insert into tenantry.feature_overrides (tenant_id, feature, granted, reason, created_at) values ($1, 'gone', true, 'Old', now())`,
    [tenant.id],
  )
  installation.dependencies.services.forgetAccess(tenant.id)
  expect((await caller.tenants.info()).features).not.toContain('gone')
  const given = { ...current, overrides: { gone: { granted: true } }, reason }
  await expect(operators.features.setOverrides(given)).rejects.toMatchObject({ code: 'request.invalid' })
  expect(await operators.features.setOverrides({ ...current, overrides: { gone: null }, reason })).toEqual({
    overrides: [],
  })
})
