import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConcurrentUpdateError, PermissionDeniedError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

describe('info', () => {
  test('says who the tenant is, what it has, and which role the caller has in it', async () => {
    const { tenant, user, caller } = await installation.enter({ plan: 'starter', role: 'member' })
    expect(await caller.tenants.info()).toEqual({
      id: tenant.id,
      name: `Tenant ${tenant.slug}`,
      slug: tenant.slug,
      subscriptionTier: 'starter',
      status: 'active',
      effectiveStatus: 'active',
      inactiveAncestorId: null,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      userRole: 'member',
      memberCount: 1,
      features: [
        'basic_chat',
        'team_collaboration',
        'basic_events',
        'team_formation',
        'api_access',
        'custom_branding',
        'analytics',
      ],
    })
    expect(await installation.callerAs(user).tenants.info()).toMatchObject({ id: tenant.id })
  })

  test('is shared by the callers of a tenant, but for the role of each', async () => {
    const { tenant, caller } = await installation.enter()
    const viewer = await installation.createMember(tenant.id, 'viewer')
    const answers = [
      await caller.tenants.info(),
      await installation.callerAs(viewer, tenant.id).tenants.info(),
      await installation.callerAs({ type: 'service', name: 'billing' }, tenant.id).tenants.info(),
    ]
    expect(answers.map(({ userRole }) => userRole)).toEqual(['owner', 'viewer', null])
    expect(answers.map(({ memberCount }) => memberCount)).toEqual([2, 2, 2])
  })

  test('comes from the cache until something it shows is changed', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'free' })
    await caller.tenants.info()
    await installation.createMember(tenant.id, 'viewer')
    expect(await caller.tenants.info()).toMatchObject({ memberCount: 1 })

    await caller.tenants.update({ tenantId: tenant.id, name: 'Acme Bakery' })
    expect(await caller.tenants.info()).toMatchObject({ name: 'Acme Bakery', memberCount: 2, subscriptionTier: 'free' })
    await installation.callerAs(operator).tenants.update({ tenantId: tenant.id, plan: 'enterprise' })
    expect(await caller.tenants.info()).toMatchObject({
      subscriptionTier: 'enterprise',
      features: expect.arrayContaining(['sso']),
    })
  })
})

describe('get', () => {
  test('answers every field, members and children counted', async () => {
    const parent = await installation.createTenant()
    const { tenant, caller } = await installation.enter({ parent, role: 'viewer', timezone: 'Europe/Zurich' })
    await installation.createTenant({ parent: tenant })
    await installation.createTenant({ parent: tenant })
    expect(await caller.tenants.get({ tenantId: tenant.slug })).toEqual({
      id: tenant.id,
      name: `Tenant ${tenant.slug}`,
      slug: tenant.slug,
      status: 'active',
      effectiveStatus: 'active',
      inactiveAncestorId: null,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
      externalId: null,
      contactEmail: `owner@${tenant.slug}.test`,
      organizationType: null,
      websiteUrl: null,
      timezone: 'Europe/Zurich',
      tags: [],
      plan: 'business',
      statusReason: null,
      statusUntil: null,
      deleteAfter: null,
      parentId: parent.id,
      memberCount: 1,
      childCount: 2,
      version: 1,
    })
  })
})

describe('update', () => {
  const everyField = {
    name: 'Acme Bakery',
    contactEmail: 'hello@acme.example',
    organizationType: 'bakery',
    websiteUrl: 'https://acme.example/shop',
    timezone: 'Asia/Kolkata',
    tags: ['pilot', 'emea'],
  }

  test('changes the fields it is given, leaves the slug, and writes down what was before and after', async () => {
    const { tenant, user, caller } = await installation.enter({ role: 'admin' })
    const externalId = `crm:${tenant.slug}`
    const answer = await caller.tenants.update({ tenantId: 'current', ...everyField, externalId })

    expect(answer).toMatchObject({ ...everyField, externalId, slug: tenant.slug, version: 2, plan: 'business' })
    expect(await caller.tenants.get({ tenantId: tenant.id })).toEqual(answer)
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      {
        action: 'tenant.updated',
        outcome: 'success',
        actorType: 'user',
        actorId: user.id,
        targetType: 'tenant',
        targetId: tenant.id,
        changes: {
          name: { before: `Tenant ${tenant.slug}`, after: 'Acme Bakery' },
          contactEmail: { before: `owner@${tenant.slug}.test`, after: 'hello@acme.example' },
          organizationType: { before: null, after: 'bakery' },
          websiteUrl: { before: null, after: 'https://acme.example/shop' },
          timezone: { before: 'UTC', after: 'Asia/Kolkata' },
          tags: { before: [], after: ['pilot', 'emea'] },
          externalId: { before: null, after: externalId },
        },
      },
    ])
  })

  test('clears with null what may be empty', async () => {
    const { tenant, caller } = await installation.enter()
    await caller.tenants.update({ tenantId: tenant.id, ...everyField, externalId: `crm:${tenant.slug}` })
    const empty = { organizationType: null, websiteUrl: null, externalId: null }
    expect(await caller.tenants.update({ tenantId: tenant.id, ...empty })).toMatchObject({ ...empty, version: 3 })
  })

  test('that changes nothing is no version and no entry', async () => {
    const { tenant, caller } = await installation.enter()
    const before = await caller.tenants.get({ tenantId: tenant.id })
    expect(await caller.tenants.update({ tenantId: tenant.id, name: before.name, tags: [] })).toEqual(before)
    expect(await installation.auditEntries(tenant.id)).toEqual([])
  })

  test('names every field it refuses, and changes none of the others', async () => {
    const { tenant, caller } = await installation.enter()
    const invalid = {
      name: 'Ac',
      contactEmail: 'nobody',
      organizationType: '',
      websiteUrl: 'http://acme.example',
      timezone: 'Mars/Olympus',
      externalId: newId(),
      tags: ['ok', 'x'.repeat(51)],
    }
    const paths = ['name', 'contactEmail', 'organizationType', 'websiteUrl', 'timezone', 'externalId', 'tags.1']
    await expect(caller.tenants.update({ tenantId: tenant.id, ...invalid })).rejects.toMatchObject({
      code: 'request.invalid',
      status: 400,
      details: { issues: paths.map((path) => ({ path })) },
    })
    const unknown = { tenantId: tenant.id, contactEmail: 'hello@acme.example', colour: 'red', slug: 'acme' }
    await expect(caller.tenants.update(unknown)).rejects.toMatchObject({
      details: { issues: [{ path: 'colour' }, { path: 'slug' }] },
    })
    expect(await caller.tenants.get({ tenantId: tenant.id })).toMatchObject({ version: 1, websiteUrl: null })
    expect(await installation.auditEntries(tenant.id)).toEqual([])
  })

  test.each([
    ['name', '<script>alert(1)</script>'],
    ['name', 'Ac\u0000me'],
    ['name', 'Acme\u202eknaB'],
    ['name', 'Acme \ud800'],
    ['organizationType', 'a\nb'],
    ['websiteUrl', 'https://acme.example/\u0000'],
    ['websiteUrl', 'https://jo:secret@acme.example/'],
    ['externalId', 'API'],
    ['websiteUrl', 'https://acme.example/\ud800'],
    ['externalId', 'current'],
    ['externalId', 'two words'],
  ])('refuses a %s like %j, by name', async (field, value) => {
    const { tenant, caller } = await installation.enter()
    await expect(caller.tenants.update({ tenantId: tenant.id, [field]: value })).rejects.toMatchObject({
      code: 'request.invalid',
      details: { issues: [{ path: field }] },
    })
  })

  test.each(['Asia/Kolkata', 'Europe/Kyiv', 'America/Argentina/Buenos_Aires', 'UTC'])(
    'takes the timezone %s',
    async (timezone) => {
      const { tenant, caller } = await installation.enter({ timezone: 'Europe/Zurich' })
      expect(await caller.tenants.update({ tenantId: tenant.id, timezone })).toMatchObject({ timezone })
      expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 0 })
    },
  )

  test('with a stale version is told the current one, and changes nothing', async () => {
    const { tenant, caller } = await installation.enter()
    await caller.tenants.update({ tenantId: tenant.id, name: 'Acme Bakery', expectedVersion: 1 })
    const stale = caller.tenants.update({ tenantId: tenant.id, name: 'Acme Brewery', expectedVersion: 1 })

    await expect(stale).rejects.toBeInstanceOf(ConcurrentUpdateError)
    await expect(stale).rejects.toMatchObject({ status: 409, details: { currentVersion: 2 } })
    expect(await caller.tenants.get({ tenantId: tenant.id })).toMatchObject({ name: 'Acme Bakery', version: 2 })
    expect(await installation.auditEntries(tenant.id)).toHaveLength(1)
  })

  test('by two writers of the same version succeeds for one', async () => {
    const { tenant, caller } = await installation.enter()
    const write = (name: string) => caller.tenants.update({ tenantId: tenant.id, name, expectedVersion: 1 })
    const outcomes = await Promise.allSettled([write('Acme Bakery'), write('Acme Brewery')])
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await installation.auditEntries(tenant.id)).toHaveLength(1)
  })

  test('to an externalId that another tenant has is refused', async () => {
    const [first, second] = [await installation.enter(), await installation.enter()]
    const externalId = `testcorp_${first.tenant.slug}`
    await first.caller.tenants.update({ tenantId: first.tenant.id, externalId })
    await expect(second.caller.tenants.update({ tenantId: second.tenant.id, externalId })).rejects.toMatchObject({
      code: 'tenant.external_id_taken',
      status: 409,
    })
    expect(await second.caller.tenants.get({ tenantId: second.tenant.id })).toMatchObject({
      externalId: null,
      version: 1,
    })
    expect(await installation.auditEntries(second.tenant.id)).toEqual([])
  })
})

describe('the plan', () => {
  test('is set by a platform admin, in any letter case, and both logs show it', async () => {
    const { tenant } = await installation.enter({ plan: 'free' })
    const answer = await installation.callerAs(operator).tenants.update({ tenantId: tenant.slug, plan: 'Professional' })

    expect(answer).toMatchObject({ plan: 'professional', version: 2 })
    const entry = {
      action: 'tenant.updated',
      actorType: 'platformAdmin',
      actorId: operator.id,
      changes: { plan: { before: 'free', after: 'professional' } },
    }
    expect(await installation.auditEntries(tenant.id)).toMatchObject([entry])
    const platform = await installation.platformAuditEntries()
    expect(platform.filter(({ concernsTenantId }) => concernsTenantId === tenant.id)).toMatchObject([entry])
  })

  test('is refused to an owner, and with it everything else of the call', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'free' })
    const upgrade = caller.tenants.update({ tenantId: tenant.id, name: 'Acme Bakery', plan: 'enterprise' })
    await expect(upgrade).rejects.toBeInstanceOf(PermissionDeniedError)
    expect(await caller.tenants.get({ tenantId: tenant.id })).toMatchObject({ plan: 'free', version: 1 })
  })

  test('must be one of the catalogue', async () => {
    const tenant = await installation.createTenant()
    const change = installation.callerAs(operator).tenants.update({ tenantId: tenant.id, plan: 'platinum' })
    await expect(change).rejects.toMatchObject({
      code: 'tenant.unknown_plan',
      status: 422,
      message: expect.stringContaining('professional'),
    })
  })
})
