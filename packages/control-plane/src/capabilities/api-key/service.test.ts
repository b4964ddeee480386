import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { callByKey, create, refusalOf } from './service.fixture.ts'

let now = new Date()
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000)

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
})
afterAll(() => installation.close())

const works = (key: string) => callByKey(installation.dependencies, key).tenants.info()

describe('a key that is created', () => {
  test('is told once, works, is listed without a secret, and stands in the log without one', async () => {
    const { tenant, user, caller } = await installation.enter()
    const expiresAt = later(3_600).toISOString()
    const { key, ...shown } = await create(caller, ['tenant:read', 'usage:write', 'tenant:read'], {
      expiresAt,
      ipAllowlist: ['203.0.113.0/24', '2001:db8::/32'],
    })

    expect(key).toMatch(new RegExp(`^tk_test_${shown.id.replaceAll('-', '')}_[0-9a-f]{64}_[0-9a-f]{8}$`))
    expect(shown).toEqual({
      id: expect.any(String),
      name: 'Scheduler',
      scopes: ['tenant:read', 'usage:write'],
      ipAllowlist: ['203.0.113.0/24', '2001:db8::/32'],
      expiresAt,
      createdBy: { type: 'user', id: user.id },
      createdAt: now.toISOString(),
      rotatedAt: null,
      formerSecretEndsAt: null,
      lastUsedAt: null,
    })
    expect(await caller.apiKeys.list({ tenantId: 'current' })).toEqual({ items: [shown], nextCursor: null })
    const log = await installation.auditEntries(tenant.id)
    expect(log).toMatchObject([
      {
        action: 'api_key.created',
        targetType: 'api_key',
        targetId: shown.id,
        changes: {
          name: { before: null, after: 'Scheduler' },
          scopes: { before: null, after: ['tenant:read', 'usage:write'] },
        },
      },
    ])
    expect(JSON.stringify(log)).not.toContain(key.slice(42, 74))
  })

  test('is in the database as a digest only, which no serving role can read', async () => {
    const { tenant, caller } = await installation.enter()
    const { id, key } = await create(caller)
    const [, , , secret = ''] = key.split('_')
    const holding = 'select from tenantry.api_keys k where k.id = $1 and strpos(k::text, $2) > 0'
    expect(await asAdmin(installation, holding, [id, id])).toBe(1)
    for (const part of [secret, secret.slice(0, 48), secret.slice(48)]) {
      expect(await asAdmin(installation, holding, [id, part])).toBe(0)
    }
    for (const asOperator of [false, true]) {
      const unit = { tenantId: tenant.id, actor: operator, readOnly: true, asOperator }
      for (const column of ['digest', 'former_digest', '*']) {
        const read = installation.database.tenantUnit(unit, (em) =>
          em.execute(`select ${column} from tenantry.api_keys`),
        )
        await expect(read).rejects.toMatchObject({ code: '42501' })
      }
    }
  })

  test('may not hold more than its creator, whatever the creator may do with keys', async () => {
    const { tenant } = await installation.enter()
    const admin = await installation.createMember(tenant.id, 'admin')
    const narrow = { type: 'service', name: 'onboarding', scopes: ['keys:manage', 'usage:write'] } as const
    for (const [actor, scope] of [
      [admin, 'tenant:own'],
      [narrow, 'settings:write'],
    ] as const) {
      const refused = await refusalOf(create(installation.callerAs(actor, tenant.id), ['usage:write', scope]))
      expect(refused).toMatchObject({ code: 'auth.permission_denied', details: { missingScope: scope } })
    }
  })

  test.each([
    [{ scopes: ['tenant:read', 'usage:reed'] }, 'scopes.1', /no scope usage:reed/],
    [{ scopes: [] }, 'scopes', /./],
    [{ scopes: ['everything'] }, 'scopes.0', /like runs:write/],
    [{ expiresAt: '2020-01-01T00:00:00.000Z' }, 'expiresAt', /yet to come/],
    [{ expiresAt: 'tomorrow' }, 'expiresAt', /./],
    [{ ipAllowlist: ['10.0.0.0/8', '10/8'] }, 'ipAllowlist.1', /CIDR/],
    [{ ipAllowlist: ['fe80::1%eth0'] }, 'ipAllowlist.0', /CIDR/],
    [{ name: ' ' }, 'name', /./],
    [{ secret: 'x' }, 'secret', /./],
  ])('is refused for %j, naming the field', async (more, path, message) => {
    const { caller } = await installation.enter()
    const refused = await refusalOf(create(caller, ['tenant:read'], more))
    expect(refused).toMatchObject({
      code: 'request.invalid',
      details: { issues: [{ path, message: expect.stringMatching(message) }] },
    })
  })

  test('is refused by a key, which would live on in it', async () => {
    const { tenant, caller } = await installation.enter()
    const { id, key } = await create(caller, ['keys:manage', 'keys:read'])
    const byKey = callByKey(installation.dependencies, key)
    expect(await refusalOf(create(byKey, ['keys:read']))).toMatchObject({ code: 'auth.permission_denied' })
    expect((await byKey.apiKeys.list({ tenantId: tenant.id })).items.map((item) => item.id)).toEqual([id])
  })

  test('is refused where no key works: by the plan, and by the settings', async () => {
    const { tenant, caller: free } = await installation.enter({ plan: 'free' })
    const missing = { status: 403, details: { requiresFeature: 'api_access' } }
    // Without the feature not even an owner's scopes over keys count.
    expect(await refusalOf(create(free))).toMatchObject({ code: 'auth.permission_denied', ...missing })
    const byPlatform = create(installation.callerAs(operator, tenant.id))
    expect(await refusalOf(byPlatform)).toMatchObject({ code: 'api_key.access_disabled', ...missing })
    const { caller } = await installation.enter()
    await caller.tenants.updateSettings({ settings: { features: { apiAccessEnabled: false } } })
    expect(await refusalOf(create(caller))).toMatchObject({
      code: 'api_key.access_disabled',
      details: { key: 'features.apiAccessEnabled' },
    })
  })

  test.each([operator, { type: 'service', name: 'onboarding' } as const, { type: 'system', name: 'cli' } as const])(
    'by a $type is the tenant’s own: it needs no member and is the tenant’s to revoke',
    async (actor) => {
      const tenant = await installation.createTenant()
      const { id, key, createdBy } = await create(installation.callerAs(actor, tenant.id))
      expect(createdBy).toEqual({ type: actor.type, id: 'id' in actor ? actor.id : actor.name })
      expect(await works(key)).toMatchObject({ id: tenant.id, userRole: null })
      const owner = installation.callerAs(await installation.createMember(tenant.id, 'owner'), tenant.id)
      await owner.apiKeys.remove({ tenantId: 'current', apiKeyId: id })
      expect(await refusalOf(works(key))).toMatchObject({ code: 'auth.unauthenticated' })
    },
  )
})

test('keys are listed from the newest, page by page', async () => {
  const { caller } = await installation.enter()
  const made = []
  for (let count = 0; count < 5; count++) made.unshift((await create(caller)).id)
  const pages: string[][] = []
  let cursor: string | undefined
  do {
    const page = await caller.apiKeys.list({ tenantId: 'current', limit: 2, ...(cursor ? { cursor } : {}) })
    pages.push(page.items.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor)
  expect(pages).toEqual([made.slice(0, 2), made.slice(2, 4), made.slice(4)])
})

describe('a rotation', () => {
  test('gives a new secret; the old one works on for as long as it was told, and no longer', async () => {
    const { tenant, caller } = await installation.enter()
    const first = await create(caller)
    const { key, ...shown } = await caller.apiKeys.rotate({
      tenantId: 'current',
      apiKeyId: first.id,
      overlapSeconds: 600,
    })
    const endsAt = later(600)
    const { key: _key, ...before } = first
    expect(shown).toEqual({
      ...before,
      rotatedAt: now.toISOString(),
      formerSecretEndsAt: endsAt.toISOString(),
    })
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      { action: 'api_key.created' },
      {
        action: 'api_key.rotated',
        targetId: first.id,
        details: { name: 'Scheduler', scopes: ['tenant:read'], formerSecretEndsAt: endsAt.toISOString() },
      },
    ])
    for (const secret of [key, first.key]) expect(await works(secret)).toMatchObject({ id: tenant.id })

    now = later(601)
    expect(await works(key)).toMatchObject({ id: tenant.id })
    const refused = await refusalOf(works(first.key))
    expect(refused).toMatchObject({ code: 'auth.unauthenticated', message: expect.stringMatching(/expired/) })
    const { items } = await caller.apiKeys.list({ tenantId: 'current' })
    expect(items).toMatchObject([{ formerSecretEndsAt: null }])
  })

  test('lasts a day unless told', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId } = await create(caller)
    const { formerSecretEndsAt } = await caller.apiKeys.rotate({ tenantId: 'current', apiKeyId })
    expect(formerSecretEndsAt).toBe(later(86_400).toISOString())
    const tooLong = caller.apiKeys.rotate({ tenantId: 'current', apiKeyId, overlapSeconds: 604_801 })
    expect(await refusalOf(tooLong)).toMatchObject({ details: { issues: [{ path: 'overlapSeconds' }] } })
  })

  test('with no overlap ends every secret before it at once', async () => {
    const { caller } = await installation.enter()
    const first = await create(caller)
    const rotate = (overlapSeconds: number) =>
      caller.apiKeys.rotate({ tenantId: 'current', apiKeyId: first.id, overlapSeconds })
    const second = await rotate(600)
    for (const { key } of [first, second]) await works(key)
    const third = await rotate(0)
    expect(third.formerSecretEndsAt).toBeNull()
    await works(third.key)
    for (const { key } of [first, second]) {
      expect(await refusalOf(works(key))).toMatchObject({ code: 'auth.unauthenticated' })
    }
  })

  test('twice at once leaves what both were told true: one gives a secret, the other is refused', async () => {
    const { caller } = await installation.enter()
    const first = await create(caller)
    const rotate = () => caller.apiKeys.rotate({ tenantId: 'current', apiKeyId: first.id, overlapSeconds: 60 })
    const outcomes = await Promise.allSettled([rotate(), rotate()])
    const [done] = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    const [refused] = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused?.reason).toMatchObject({
      code: 'api_key.overlap_running',
      status: 409,
      details: { resetsAt: later(60).toISOString() },
    })
    for (const key of [first.key, done?.value.key ?? '']) await works(key)

    now = later(61)
    expect((await rotate()).formerSecretEndsAt).toBe(later(60).toISOString())
  })

  test('of a key that may do more than its rotator is refused', async () => {
    const { tenant, caller } = await installation.enter()
    const { id: apiKeyId, key } = await create(caller, ['tenant:own', 'tenant:read'])
    const admin = installation.callerAs(await installation.createMember(tenant.id, 'admin'), tenant.id)
    expect(await refusalOf(admin.apiKeys.rotate({ tenantId: 'current', apiKeyId }))).toMatchObject({
      code: 'auth.permission_denied',
      details: { missingScope: 'tenant:own' },
    })
    await works(key)
  })

  test('by a key is of itself only', async () => {
    const { caller } = await installation.enter()
    const own = await create(caller, ['keys:manage', 'tenant:read'])
    const other = await create(caller)
    const byKey = callByKey(installation.dependencies, own.key)
    const { key } = await byKey.apiKeys.rotate({ tenantId: 'current', apiKeyId: own.id })
    await works(key)
    const rotation = byKey.apiKeys.rotate({ tenantId: 'current', apiKeyId: other.id })
    expect(await refusalOf(rotation)).toMatchObject({ code: 'auth.permission_denied' })
  })

  test('of a key that has expired is refused', async () => {
    const { caller } = await installation.enter()
    const { id: apiKeyId } = await create(caller, ['tenant:read'], { expiresAt: later(10).toISOString() })
    now = later(10)
    const rotation = caller.apiKeys.rotate({ tenantId: 'current', apiKeyId })
    expect(await refusalOf(rotation)).toMatchObject({ code: 'api_key.expired', status: 409 })
  })
})

describe('a revocation', () => {
  test('ends the key for good, leaves nothing of its secrets, and stands in the log', async () => {
    const { tenant, caller } = await installation.enter()
    const { id: apiKeyId, key } = await create(caller)
    await caller.apiKeys.rotate({ tenantId: 'current', apiKeyId })
    await works(key)
    expect(await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })).toEqual({
      id: apiKeyId,
      revokedAt: now.toISOString(),
    })
    expect(await refusalOf(works(key))).toMatchObject({ code: 'auth.unauthenticated' })
    expect(await caller.apiKeys.list({ tenantId: 'current' })).toEqual({ items: [], nextCursor: null })
    const bare = 'select from tenantry.api_keys where id = $1 and digest is null and former_digest is null'
    expect(await asAdmin(installation, bare, [apiKeyId])).toBe(1)
    expect((await installation.auditEntries(tenant.id)).at(-1)).toMatchObject({
      action: 'api_key.revoked',
      targetId: apiKeyId,
      changes: { name: { before: 'Scheduler', after: null }, scopes: { before: ['tenant:read'], after: null } },
    })
  })

  test('of a key that is revoked, or never was, finds none; nor does a rotation', async () => {
    const { caller } = await installation.enter()
    const { id } = await create(caller)
    await caller.apiKeys.remove({ tenantId: 'current', apiKeyId: id })
    for (const apiKeyId of [id, randomUUID()]) {
      for (const verb of ['rotate', 'remove'] as const) {
        expect(await refusalOf(caller.apiKeys[verb]({ tenantId: 'current', apiKeyId }))).toMatchObject({
          code: 'api_key.not_found',
          status: 404,
        })
      }
    }
  })
})
