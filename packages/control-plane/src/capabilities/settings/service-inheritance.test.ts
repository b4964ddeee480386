import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConcurrentUpdateError, InvalidSettingsError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const color = (primaryColor: string) => ({ branding: { primaryColor } })
const locked = ['branding.primaryColor']

/** Callers of a tenant and of one below it; neither belongs to the other. */
async function makePair() {
  const { tenant: parent, caller } = await installation.enter()
  const { tenant: child, caller: below } = await installation.enter({ parent })
  const handDown = (input: Omit<Parameters<typeof caller.settings.updateInheritance>[0], 'tenantId'>) =>
    caller.settings.updateInheritance({ tenantId: parent.id, ...input })
  return { parent, child, caller, below, handDown }
}

describe('what a tenant hands down', () => {
  test('is nothing at first, and then what it set, versioned and written down', async () => {
    const { parent, caller, handDown } = await makePair()
    const read = () => caller.settings.inheritance({ tenantId: parent.id })
    expect(await read()).toMatchObject({ defaults: {}, locks: [], version: 1 })
    const first = await handDown({ defaults: color('#112233'), locks: [...locked, ...locked], expectedVersion: 1 })
    expect(first).toMatchObject({ defaults: color('#112233'), locks: locked, version: 2 })
    expect(await read()).toEqual(first)
    const second = await handDown({ defaults: { localization: { currency: 'EUR' } } })
    expect(second).toMatchObject({ defaults: { localization: { currency: 'EUR' } }, locks: locked, version: 3 })
    expect(await read()).toEqual(second)

    expect(await installation.auditEntries(parent.id)).toMatchObject([
      {
        action: 'settings.inheritance_updated',
        targetType: 'settings',
        changes: {
          'defaults.branding.primaryColor': { before: '#000000', after: '#112233' },
          locks: { before: [], after: locked },
        },
      },
      {
        action: 'settings.inheritance_updated',
        changes: {
          'defaults.branding.primaryColor': { before: '#112233', after: '#000000' },
          'defaults.localization.currency': { before: 'USD', after: 'EUR' },
        },
      },
    ])
  })

  test('holds below at once and on every level, but not for the tenant itself', async () => {
    const { parent, child, caller, below, handDown } = await makePair()
    const { caller: lowest } = await installation.enter({ parent: child })
    await handDown({ defaults: color('#112233') })
    for (const reader of [below, lowest]) {
      expect(await reader.settings.get()).toMatchObject({
        settings: color('#112233'),
        provenance: {
          'branding.primaryColor': { source: 'inherited', tenantId: parent.id },
          'branding.logoUrl': { source: 'default' },
        },
        version: 1,
      })
    }
    expect(await caller.settings.get()).toMatchObject({
      settings: color('#000000'),
      provenance: { 'branding.primaryColor': { source: 'default' } },
    })
    const answer = await below.tenants.updateSettings({ settings: color('#445566') })
    expect(answer).toMatchObject({
      settings: color('#445566'),
      provenance: { 'branding.primaryColor': { source: 'own' } },
    })
    expect(await lowest.settings.get()).toMatchObject({ settings: color('#112233') })
    await below.tenants.updateSettings({ settings: { branding: null } })
    expect(await below.settings.get()).toMatchObject({ settings: color('#112233') })
  })

  test('and locks holds against what tenants below have set and would set, until it is unlocked', async () => {
    const { parent, child, below, handDown } = await makePair()
    await below.tenants.updateSettings({ settings: color('#445566') })
    await handDown({ defaults: color('#112233'), locks: locked })
    expect(await below.settings.get()).toMatchObject({
      settings: color('#112233'),
      provenance: { 'branding.primaryColor': { source: 'locked', tenantId: parent.id } },
    })
    const refused = below.tenants.updateSettings({ settings: color('#778899') })
    await expect(refused).rejects.toMatchObject({
      code: 'settings.restricted_key',
      status: 403,
      details: { key: 'branding.primaryColor', lockedBy: parent.id },
      message: expect.stringContaining(parent.id),
    })
    await expect(
      installation.callerAs(operator, child.id).tenants.updateSettings({ settings: color('#778899') }),
    ).rejects.toMatchObject({ code: 'settings.restricted_key' })
    await below.tenants.updateSettings({ settings: { branding: { footerText: 'Ours' } } })

    await handDown({ locks: [] })
    expect(await below.settings.get()).toMatchObject({
      settings: { branding: { primaryColor: '#445566', footerText: 'Ours' } },
    })
  })

  test('and locks cannot be undone by a tenant in between', async () => {
    const { parent, child, below, handDown } = await makePair()
    const { caller: lowest } = await installation.enter({ parent: child })
    await handDown({ defaults: color('#112233'), locks: locked })
    await expect(
      below.settings.updateInheritance({ tenantId: child.id, defaults: color('#445566') }),
    ).rejects.toMatchObject({ code: 'settings.restricted_key', details: { lockedBy: parent.id } })
    await below.settings.updateInheritance({ tenantId: child.id, defaults: { branding: { footerText: 'Middle' } } })
    expect(await lowest.settings.get()).toMatchObject({
      settings: { branding: { primaryColor: '#112233', footerText: 'Middle' } },
    })
  })

  test('comes and goes with a move', async () => {
    const { parent, handDown } = await makePair()
    const { tenant, caller } = await installation.enter()
    await handDown({ defaults: color('#112233'), locks: locked })
    const move = (parentId: string | null) =>
      installation.callerAs(operator).tenants.move({ tenantId: tenant.id, parentId, reason: 'They were bought' })
    await move(parent.id)
    expect(await caller.settings.get()).toMatchObject({ settings: color('#112233') })
    await move(null)
    expect(await caller.settings.get()).toMatchObject({ settings: color('#000000') })
  })

  test('counts where settings are enforced, at once: a rate limit that the platform hands down', async () => {
    const { parent, below } = await makePair()
    await below.settings.get()
    const limit = (requestsPerMinute: number) => ({ rateLimits: { requestsPerMinute } })
    await installation.callerAs(operator).settings.updateInheritance({ tenantId: parent.id, defaults: limit(1) })
    await expect(below.settings.get()).rejects.toMatchObject({ code: 'rate_limit.exceeded', details: { limit: 1 } })
  })
})

describe('is refused', () => {
  test('with a stale version, which names the current one', async () => {
    const { handDown } = await makePair()
    await handDown({ defaults: color('#112233') })
    const stale = handDown({ defaults: color('#445566'), expectedVersion: 1 })
    await expect(stale).rejects.toBeInstanceOf(ConcurrentUpdateError)
    await expect(stale).rejects.toMatchObject({ details: { currentVersion: 2 } })
  })

  test('for what is not inherited, not known or not valid, all by name at once', async () => {
    const { parent, caller, handDown } = await makePair()
    const defaults = { branding: { primaryColor: 'red' }, theme: { dark: true } }
    const invalid = handDown({ defaults, locks: ['branding', 'security.mfaRequired'] })
    await expect(invalid).rejects.toBeInstanceOf(InvalidSettingsError)
    const error = await invalid.catch((reason) => reason)
    expect(error.details.issues.map(({ path }: { path: string }) => path).toSorted()).toEqual([
      'defaults.branding.primaryColor',
      'defaults.theme',
      'locks.0',
      'locks.1',
    ])
    const sensitive = { security: { ipWhitelist: ['203.0.113.7'] }, features: { ssoEnabled: true } }
    await expect(handDown({ defaults: sensitive })).rejects.toMatchObject({
      details: {
        issues: expect.arrayContaining([
          { path: 'defaults.security.ipWhitelist', message: expect.any(String) },
          { path: 'defaults.features.ssoEnabled', message: expect.any(String) },
        ]),
      },
    })
    expect(await caller.settings.inheritance({ tenantId: parent.id })).toMatchObject({ version: 1 })
    expect(await installation.auditEntries(parent.id)).toEqual([])
  })

  test('for keys of the platform, as a default or as a lock', async () => {
    const { handDown } = await makePair()
    const restricted = { code: 'settings.restricted_key', details: { writableBy: 'platform' } }
    await expect(handDown({ defaults: { rateLimits: { updatesPerHour: 99 } } })).rejects.toMatchObject(restricted)
    await expect(handDown({ locks: ['rateLimits.updatesPerHour'] })).rejects.toMatchObject(restricted)
  })
})

test('where a sensitive value comes from is told to those who may read it only', async () => {
  const { tenant, caller } = await installation.enter()
  await caller.tenants.updateSettings({ settings: { security: { mfaRequired: true } } })
  expect((await caller.settings.get()).provenance['security.mfaRequired']).toEqual({ source: 'own' })
  const viewer = await installation.createMember(tenant.id, 'viewer')
  const { provenance } = await installation.callerAs(viewer, tenant.id).settings.get()
  expect(Object.keys(provenance).filter((path) => /^security|webhookUrl/.test(path))).toEqual([])
})

test('of ten writers of one tenant without a version none is lost', async () => {
  const { parent, caller } = await makePair()
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      installation
        .callerAs({ type: 'service', name: 'writer' })
        .settings.updateInheritance({ tenantId: parent.id, defaults: { custom: { index } } }),
    ),
  )
  expect(answers.map(({ version }) => version).toSorted((one, other) => one - other)).toEqual(
    answers.map((_, index) => index + 2),
  )
  const last = answers.find(({ version }) => version === 11)
  expect(await caller.settings.inheritance({ tenantId: parent.id })).toEqual(last)
})
