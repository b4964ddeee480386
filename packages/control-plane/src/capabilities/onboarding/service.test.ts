import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation, type TestUser } from '../../testing.ts'
import { callByKey } from '../api-key/service.fixture.ts'
import { TenantSettings } from '../settings/entity.ts'

let installation: TestInstallation
let admin: TestUser
beforeAll(async () => {
  installation = await openTestInstallation()
  admin = await installation.createUser()
})
afterAll(() => installation.close())

const newWord = () => `w${randomBytes(6).toString('hex')}`
const asOperator = (idempotencyKey?: string) =>
  installation.callerAs({ ...operator, ...admin }, undefined, idempotencyKey === undefined ? {} : { idempotencyKey })
    .tenants
const signIn = (email: string, subject = email) =>
  installation.dependencies.directory.signIn({
    issuer: installation.issuer.issuer,
    subject,
    email,
    emailVerified: true,
    name: null,
    platformAdmin: false,
    tenantClaim: null,
    authenticationMethods: [],
    authenticatedAt: null,
    expiresAt: new Date(Date.now() + 60_000),
  })
const issuesOf = (paths: string[]) => ({ details: { issues: paths.map((path) => expect.objectContaining({ path })) } })

describe('a platform admin', () => {
  test('creates a tenant that is active, and that its creator owns and can use at once', async () => {
    const word = newWord()
    const made = await asOperator().create({ name: `Acme ${word}` })
    expect(made).toMatchObject({
      name: `Acme ${word}`,
      slug: `acme-${word}`,
      status: 'active',
      plan: 'free',
      contactEmail: admin.email,
      memberCount: 1,
      owner: { userId: admin.id, email: admin.email },
    })
    expect(made).not.toHaveProperty('apiKey')
    const own = installation.callerAs(admin, made.slug)
    expect(await own.tenants.info({})).toMatchObject({ id: made.id, userRole: 'owner', memberCount: 1 })
    expect(await own.tenants.updateSettings({ settings: { branding: { primaryColor: '#0b7285' } } })).toMatchObject({
      version: 2,
    })
  })

  test('is the only one to reach it besides the owner: for other users there is none', async () => {
    const { id } = await asOperator().create({ name: newWord() })
    const { user } = await installation.enter()
    await expect(installation.callerAs(user, id).tenants.info({})).rejects.toMatchObject({ code: 'tenant.not_found' })
  })

  test('sets every field', async () => {
    const word = newWord()
    const parent = await installation.createTenant()
    const owner = await installation.createUser()
    const fields = {
      name: `Globex ${word}`,
      slug: word,
      contactEmail: `billing@${word}.test`,
      plan: 'Starter',
      organizationType: 'school',
      websiteUrl: 'https://globex.example/',
      timezone: 'Europe/Berlin',
      externalId: `ext_${word}`,
      tags: ['pilot'],
      parentId: parent.id,
    }
    const ownerEmail = owner.email.toUpperCase()
    const made = await asOperator().create({ ...fields, ownerEmail, region: 'default' })
    expect(made).toMatchObject({ ...fields, plan: 'starter', owner: { userId: null, email: owner.email } })
    await signIn(owner.email)
    expect(await installation.callerAs(owner, made.externalId ?? '').tenants.get({ tenantId: made.id })).toEqual({
      ...made,
      memberCount: 1,
      owner: undefined,
    })
    const above = await installation.createMember(parent.id, 'admin')
    expect(await installation.callerAs(above, made.id).tenants.info({})).toMatchObject({ userRole: 'admin' })
  })

  test('leaves every step in both logs, in the name of who asked', async () => {
    const { id } = await asOperator().create({ name: newWord(), limits: { tokens: 5 } })
    const steps = ['tenant.created', 'member.added', 'limits.overridden', 'tenant.activated']
    const told = steps.map((action) => ({ action, outcome: 'success', actorType: 'platformAdmin', actorId: admin.id }))
    expect(await installation.auditEntries(id)).toMatchObject(told)
    const concerning = (await installation.platformAuditEntries()).filter((entry) => entry.concernsTenantId === id)
    expect(concerning).toMatchObject(told)
  })

  test('gives it settings of its own, which are the defaults', async () => {
    const { id, createdAt } = await asOperator().create({ name: newWord() })
    const [settings] = await installation.database.platformUnit({ actor: operator, readOnly: true }, (em) =>
      em.find(TenantSettings, { tenantId: id }),
    )
    expect(settings).toMatchObject({ document: {}, version: 1, updatedAt: new Date(createdAt) })
  })

  test('overrides limits, which then hold in place of the plan wherever limits are told', async () => {
    const { id } = await asOperator().create({ name: newWord(), limits: { tokens: 10, storage: -1, events: null } })
    const { limits } = await installation.callerAs(admin, id).tenants.limits({})
    const of = (meter: string) => limits.find((limit) => limit.meter === meter)
    const overridden = { grace: 0, graceDays: 0, source: 'override' }
    expect(of('tokens')).toEqual({ meter: 'tokens', limit: 10, hardLimit: 10, ...overridden })
    for (const meter of ['storage', 'events'])
      expect(of(meter)).toEqual({ meter, limit: null, hardLimit: null, ...overridden })
    expect(of('conversations')).toMatchObject({ limit: 50, grace: 5, source: 'plan' })

    const track = (amount: number) =>
      installation.callerAs(admin, id).usage.track({ tenantId: id, metric: 'tokens', amount })
    expect(await track(8)).toMatchObject({ used: 8, limit: 10, state: 'warning' })
    expect(await track(2)).toMatchObject({ used: 10, limit: 10, state: 'blocked' })
    const { meters } = await installation.callerAs(admin, id).tenants.usage({})
    expect(meters.find(({ meter }) => meter === 'tokens')).toMatchObject({ used: 10, limit: 10, state: 'blocked' })
  })

  test('gets an API key along, shown once, that may do what a member may', async () => {
    const made = await asOperator().create({ name: newWord(), plan: 'starter', createApiKey: true })
    const byKey = callByKey(installation.dependencies, made.apiKey?.key ?? '')
    expect(await byKey.usage.track({ tenantId: 'current', metric: 'tokens', amount: 3 })).toMatchObject({ used: 3 })
    await expect(byKey.tenants.update({ tenantId: 'current', name: 'Renamed' })).rejects.toThrow('tenant:manage')
    const { items } = await installation.callerAs(admin, made.id).apiKeys.list({ tenantId: made.id })
    expect(items).toMatchObject([{ id: made.apiKey?.id, createdBy: { type: 'user', id: admin.id } }])
    const key = asOperator().create({ name: newWord(), plan: 'free', createApiKey: true })
    await expect(key).rejects.toMatchObject({
      code: 'api_key.access_disabled',
      details: { requiresFeature: 'api_access' },
    })
  })

  test('gets no API key that settings from above would keep from working', async () => {
    const parent = await installation.createTenant()
    const above = installation.callerAs(operator, parent.id)
    await above.settings.updateInheritance({
      tenantId: parent.id,
      locks: ['features.apiAccessEnabled'],
      defaults: { features: { apiAccessEnabled: false } },
    })
    const slug = newWord()
    const fields = { name: newWord(), slug, plan: 'starter', parentId: parent.id }
    await expect(asOperator().create({ ...fields, createApiKey: true })).rejects.toMatchObject({
      code: 'api_key.access_disabled',
      details: { key: 'features.apiAccessEnabled' },
    })
    expect(await asOperator().create(fields)).toMatchObject({ slug, status: 'active' })
  })

  test.each([
    ['tenant.unknown_plan', { plan: 'no-such-plan' }, ['plan']],
    ['onboarding.unknown_template', { templateId: 'hackathon' }, ['templateId']],
    ['onboarding.unknown_region', { region: 'mars-1' }, ['region']],
    ['onboarding.unusable_parent', { parentId: '019cf6a1-4e00-7000-8000-0000000000ff' }, ['parentId']],
    ['request.invalid', { limits: { toasts: 1, tokens: 1 } }, ['limits.toasts']],
    ['request.invalid', { limits: { tokens: -2 } }, ['limits.tokens']],
    ['request.invalid', { slug: 'Acme Ltd' }, ['slug']],
    ['request.invalid', { slug: 'ab' }, ['slug']],
    ['request.invalid', { slug: 'acme-' }, ['slug']],
    ['request.invalid', { slug: 'admin' }, ['slug']],
    ['request.invalid', { slug: 'onboard' }, ['slug']],
    ['request.invalid', { slug: '019cf6a1-4e00-4000-0000-0000000000ff' }, ['slug']],
    ['request.invalid', { ownerEmail: 'nobody' }, ['ownerEmail']],
    ['request.invalid', { surprise: 1 }, ['surprise']],
  ])('is refused by %s for %j, and nothing is left of it', async (code, fields, paths) => {
    const before = await installation.platformAuditEntries()
    const name = newWord()
    const creation = asOperator().create({ name, ...fields } as never)
    await expect(creation).rejects.toMatchObject({ code, ...issuesOf(paths) })
    expect(await installation.platformAuditEntries()).toHaveLength(before.length)
    expect((await asOperator().create({ name })).slug).toBe(name)
  })

  test('puts no tenant below one that is not active, nor deeper than tenants may stand', async () => {
    const suspended = await installation.createTenant({ status: 'suspended' })
    const below = await installation.createTenant({ parent: suspended })
    for (const parentId of [suspended.id, below.id])
      await expect(asOperator().create({ name: newWord(), parentId })).rejects.toMatchObject({
        code: 'onboarding.unusable_parent',
      })
    let { id: parentId } = await installation.createTenant()
    for (let level = 2; level <= 8; level++) parentId = (await asOperator().create({ name: newWord(), parentId })).id
    await expect(asOperator().create({ name: newWord(), parentId })).rejects.toMatchObject({
      code: 'tenant.hierarchy_too_deep',
    })
  })
})

test('nobody else creates tenants where there is no self-service sign-up', async () => {
  const { user, tenant } = await installation.enter()
  const service = { type: 'service', name: 'billing' } as const
  for (const caller of [
    installation.callerAs(user),
    installation.callerAs(user, tenant.id),
    installation.callerAs(service),
  ])
    await expect(caller.tenants.create({ name: newWord() })).rejects.toMatchObject({ code: 'auth.permission_denied' })
})

test('a job names the owner, for it can own nothing itself', async () => {
  const job = installation.callerAs({ type: 'system', name: 'import' }).tenants
  await expect(job.create({ name: newWord() })).rejects.toMatchObject({
    code: 'request.invalid',
    ...issuesOf(['ownerEmail']),
  })
  const made = await job.create({ name: newWord(), ownerEmail: admin.email })
  expect(made.owner).toEqual({ userId: null, email: admin.email })
  expect(await installation.auditEntries(made.id)).toMatchObject([
    { action: 'tenant.created', actorType: 'system', actorId: 'import' },
    { action: 'member.invited' },
    { action: 'tenant.activated' },
  ])
})

test('lists find a plan in any letter case, and a job sets one as operators do', async () => {
  const { id } = await asOperator().create({ name: newWord(), plan: 'starter' })
  const { items } = await asOperator().list({ plan: 'Starter', limit: 1 })
  expect(items).toMatchObject([{ id, plan: 'starter' }])
  const job = installation.callerAs({ type: 'system', name: 'import' }).tenants
  expect(await job.update({ tenantId: id, plan: 'business' })).toMatchObject({ plan: 'business' })
})

describe('names', () => {
  test('are derived in Latin letters, with a number where they are taken, also by an externalId', async () => {
    const word = newWord()
    const slugs = []
    for (let turn = 0; turn < 2; turn++)
      slugs.push((await asOperator().create({ name: `Bücher & Söhne ${word}` })).slug)
    expect(slugs).toEqual([`buecher-and-soehne-${word}`, `buecher-and-soehne-${word}-2`])
    await asOperator().create({ name: newWord(), externalId: `other-${word}` })
    expect((await asOperator().create({ name: `Other ${word}` })).slug).toBe(`other-${word}-2`)
    expect((await asOperator().create({ name: '株式会社' })).slug).toMatch(/^tenant-[0-9a-f]{8}$/)
    expect((await asOperator().create({ name: 'Admin' })).slug).toMatch(/^admin-2$/)
    expect((await asOperator().create({ name: `${word} ${'long '.repeat(17)}` })).slug.length).toBeLessThanOrEqual(63)
  })

  test('are one namespace: none is the slug of one tenant and the externalId of another', async () => {
    const [slug, externalId] = [newWord(), newWord()]
    const made = await asOperator().create({ name: newWord(), slug, externalId })
    const codeOf = async (fields: object) =>
      asOperator()
        .create({ name: newWord(), ...fields })
        .then(
          () => null,
          ({ code }) => code,
        )
    expect(await codeOf({ slug })).toBe('tenant.slug_taken')
    expect(await codeOf({ slug: externalId })).toBe('tenant.slug_taken')
    expect(await codeOf({ slug, externalId: newWord() })).toBe('tenant.slug_taken')
    expect(await codeOf({ externalId })).toBe('tenant.external_id_taken')
    expect(await codeOf({ externalId: slug })).toBe('tenant.external_id_taken')

    const other = installation.callerAs(admin, (await asOperator().create({ name: newWord() })).id).tenants
    await expect(other.update({ tenantId: 'current', externalId: slug })).rejects.toMatchObject({
      code: 'tenant.external_id_taken',
    })
    // What a tenant gives up is free again, and may be its own slug.
    await installation.callerAs(admin, made.id).tenants.update({ tenantId: 'current', externalId: slug })
    expect(await codeOf({ slug: externalId })).toBeNull()
  })

  test('go to one of those who want them at the same time', async () => {
    const slug = newWord()
    const settled = await Promise.allSettled(
      Array.from({ length: 6 }, () => asOperator().create({ name: newWord(), slug })),
    )
    const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
    expect(refused).toEqual(Array.from({ length: 5 }, () => 'tenant.slug_taken'))
    const name = newWord()
    const made = await Promise.all(Array.from({ length: 6 }, () => asOperator().create({ name })))
    expect(made.map((tenant) => tenant.slug).sort()).toEqual([
      name,
      ...[2, 3, 4, 5, 6].map((number) => `${name}-${number}`),
    ])
  })
})
