import type { Actor } from '@tenantry/kernel/context/actor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInternalCaller } from '../../caller.ts'
import { ConcurrentUpdateError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { revisionsOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

describe('an update', () => {
  test('changes what the patch names, resets what it says null for, and leaves the rest', async () => {
    const { tenant, user, caller } = await installation.enter()
    await caller.tenants.updateSettings({ settings: { branding: { primaryColor: '#112233', businessName: 'Acme' } } })
    const answer = await caller.tenants.updateSettings({
      settings: { branding: { businessName: null }, analytics: { anonymize: true } },
    })

    expect(answer).toMatchObject({
      version: 3,
      settings: {
        branding: { primaryColor: '#112233', businessName: null },
        analytics: { anonymize: true, retentionDays: 365 },
      },
    })
    expect(await caller.settings.get()).toEqual(answer)
    const audited = {
      action: 'settings.updated',
      outcome: 'success',
      actorType: 'user',
      actorId: user.id,
      actorEmail: user.email,
    }
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      {
        ...audited,
        targetType: 'settings',
        targetId: tenant.id,
        changes: {
          'settings.branding.primaryColor': { before: '#000000', after: '#112233' },
          'settings.branding.businessName': { before: null, after: 'Acme' },
        },
      },
      {
        ...audited,
        changes: {
          'settings.branding.businessName': { before: 'Acme', after: null },
          'settings.analytics.anonymize': { before: false, after: true },
        },
      },
    ])
  })

  test('is a version with its revision: the document, what changed, and by whom', async () => {
    const { tenant, user, caller } = await installation.enter()
    expect(await caller.settings.get()).toMatchObject({ version: 1 })
    await caller.tenants.updateSettings({ settings: { localization: { currency: 'CHF' } } })
    await caller.tenants.updateSettings({ name: 'Acme Bakery', settings: { localization: { currency: null } } })

    const actor = { actorType: 'user', actorId: `user:${user.id}` }
    expect(await revisionsOf(installation, tenant.id)).toMatchObject([
      {
        ...actor,
        version: 2,
        document: { localization: { currency: 'CHF' } },
        changedKeys: ['settings.localization.currency'],
      },
      { ...actor, version: 3, document: {}, changedKeys: ['name', 'settings.localization.currency'] },
    ])
  })

  test('takes the name of the tenant in the same call, and info shows it at once', async () => {
    const { tenant, caller } = await installation.enter()
    const { name: before } = await caller.tenants.info()
    const answer = await caller.tenants.updateSettings({
      name: '  Acme Bakery ',
      settings: { orders: { autoConfirm: true } },
    })

    expect(answer).toMatchObject({ name: 'Acme Bakery', version: 2, settings: { orders: { autoConfirm: true } } })
    expect(await caller.tenants.info()).toMatchObject({ name: 'Acme Bakery' })
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      {
        changes: {
          name: { before, after: 'Acme Bakery' },
          'settings.orders.autoConfirm': { before: false, after: true },
        },
      },
    ])
  })

  test('that changes nothing is no version, no revision and no entry', async () => {
    const { tenant, caller } = await installation.enter()
    const untouched = await caller.settings.get()
    expect(await caller.tenants.updateSettings({ name: untouched.name, settings: {} })).toEqual(untouched)
    expect(await caller.tenants.updateSettings({ settings: { branding: { logoUrl: null } } })).toEqual(untouched)

    expect(await caller.settings.get()).toEqual(untouched)
    expect(await revisionsOf(installation, tenant.id)).toEqual([])
    expect(await installation.auditEntries(tenant.id)).toEqual([])
  })

  test('by a platform admin stands in the log of the tenant and in that of the platform', async () => {
    const { tenant } = await installation.enter()
    await installation
      .callerAs(operator, tenant.slug)
      .tenants.updateSettings({ settings: { rateLimits: { requestsPerMinute: 500 } } })

    const entry = {
      action: 'settings.updated',
      actorType: 'platformAdmin',
      actorId: operator.id,
      changes: { 'settings.rateLimits.requestsPerMinute': { before: null, after: 500 } },
    }
    expect(await installation.auditEntries(tenant.id)).toMatchObject([entry])
    const platform = await installation.platformAuditEntries()
    expect(platform.filter(({ concernsTenantId }) => concernsTenantId === tenant.id)).toMatchObject([entry])
  })

  test('by a service is possible with the scope alone, and answers no more than the service may read', async () => {
    const { tenant } = await installation.enter()
    const service: Actor = { type: 'service', name: 'onboarding', scopes: ['settings:write'] }
    const answer = await installation
      .callerAs(service, tenant.id)
      .tenants.updateSettings({ settings: { security: { mfaRequired: true } } })

    expect(answer).toMatchObject({ version: 2 })
    expect(answer.settings).not.toHaveProperty('security')
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      { action: 'settings.updated', actorType: 'service', actorId: 'onboarding' },
    ])
  })

  test('whose audit entry cannot be written changes nothing', async () => {
    const { tenant, user, caller } = await installation.enter()
    const auditLog = {
      ...installation.dependencies.auditLog,
      append: () => Promise.reject(new Error('the log is full')),
    }
    const failing = createInternalCaller(
      { ...installation.dependencies, auditLog },
      { actor: { type: 'user', ...user, name: null }, tenantId: tenant.id },
    )

    await expect(failing.tenants.updateSettings({ name: 'Acme', settings: { custom: { a: 1 } } })).rejects.toThrow()
    expect(await revisionsOf(installation, tenant.id)).toEqual([])
    expect(await caller.settings.get()).toMatchObject({
      version: 1,
      settings: { custom: {} },
      name: `Tenant ${tenant.slug}`,
    })
  })
})

describe('several writers', () => {
  test('a writer with a stale version is told the current one, and nothing is lost', async () => {
    const { tenant, caller } = await installation.enter()
    await caller.tenants.updateSettings({ settings: { custom: { first: 1 } }, expectedVersion: 1 })
    const stale = caller.tenants.updateSettings({ settings: { custom: { second: 2 } }, expectedVersion: 1 })

    await expect(stale).rejects.toBeInstanceOf(ConcurrentUpdateError)
    await expect(stale).rejects.toMatchObject({
      code: 'tenant.concurrent_update',
      status: 409,
      details: { currentVersion: 2 },
    })
    expect(await caller.settings.get()).toMatchObject({ version: 2, settings: { custom: { first: 1 } } })
    expect(await revisionsOf(installation, tenant.id)).toHaveLength(1)
    expect(await installation.auditEntries(tenant.id)).toHaveLength(1)
  })

  test('of two with the same version exactly one wins', async () => {
    const { tenant, caller } = await installation.enter()
    const write = (winner: string) =>
      caller.tenants.updateSettings({ settings: { custom: { winner } }, expectedVersion: 1 })
    const outcomes = await Promise.allSettled([write('left'), write('right')])

    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const lost = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(won).toHaveLength(1)
    expect(lost).toMatchObject([{ code: 'tenant.concurrent_update', details: { currentVersion: 2 } }])
    expect(await caller.settings.get()).toEqual(won[0])
    expect(await revisionsOf(installation, tenant.id)).toHaveLength(1)
    expect(await installation.auditEntries(tenant.id)).toHaveLength(1)
  })

  test('fifty of different keys without a version all survive', async () => {
    const { tenant, caller } = await installation.enter()
    await installation
      .callerAs(operator, tenant.id)
      .tenants.updateSettings({ settings: { rateLimits: { updatesPerHour: 1000 } } })
    const keys = Array.from({ length: 50 }, (_, index) => `key${index}`)
    const answers = await Promise.all(
      keys.map((key) => caller.tenants.updateSettings({ settings: { custom: { [key]: key } } })),
    )

    expect(new Set(answers.map(({ version }) => version))).toEqual(new Set(keys.map((_, index) => index + 3)))
    const everyKey = Object.fromEntries(keys.map((key) => [key, key]))
    expect(await caller.settings.get()).toMatchObject({ version: 52, settings: { custom: everyKey } })
    const [, ...written] = await revisionsOf(installation, tenant.id)
    expect(written.map(({ version }) => version)).toEqual(keys.map((_, index) => index + 3))
    expect(written.flatMap(({ changedKeys }) => changedKeys).toSorted()).toEqual(
      keys.map((key) => `settings.custom.${key}`).toSorted(),
    )
    expect(await installation.auditEntries(tenant.id)).toHaveLength(51)
  })
})

describe('sensitive settings', () => {
  const secret = {
    security: { ipWhitelist: ['203.0.113.77'] },
    notifications: { webhookUrl: 'https://hooks.example.com/s3cr3t' },
  }

  test('are for those who may read them, and absent for others', async () => {
    const { tenant, caller } = await installation.enter({ role: 'admin' })
    expect(await caller.tenants.updateSettings({ settings: secret })).toMatchObject({ settings: secret })
    expect(await caller.settings.get()).toMatchObject({ settings: secret })

    for (const role of ['member', 'viewer'] as const) {
      const reader = await installation.createMember(tenant.id, role)
      const { settings } = await installation.callerAs(reader, tenant.id).settings.get()
      expect(settings).not.toHaveProperty('security')
      expect(settings.notifications).not.toHaveProperty('webhookUrl')
      expect(settings.notifications).toMatchObject({ emailEnabled: true })
      expect(JSON.stringify(settings)).not.toMatch(/203\.0\.113|s3cr3t/)
    }
  })

  test('stand in the audit log by name only', async () => {
    const { tenant, caller } = await installation.enter()
    await caller.tenants.updateSettings({ settings: secret })
    await caller.tenants.updateSettings({ settings: { security: null, notifications: { webhookUrl: null } } })

    const hidden = { before: '[sensitive]', after: '[sensitive]' }
    const changes = { 'settings.security.ipWhitelist': hidden, 'settings.notifications.webhookUrl': hidden }
    const entries = await installation.auditEntries(tenant.id)
    expect(entries).toMatchObject([{ changes: { 'settings.notifications.webhookUrl': hidden } }, { changes }])
    expect(JSON.stringify(entries)).not.toMatch(/203\.0\.113|s3cr3t/)
  })
})
