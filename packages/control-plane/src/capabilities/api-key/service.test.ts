import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { callByKey, create, refusalOf } from './service.fixture.ts'

const now = new Date()
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

  test('is refused with a range in which no address can ever be', async () => {
    const { caller } = await installation.enter()
    const ipAllowlist = ['::ffff:192.0.2.0/120', '::ffff:0:0/90']
    expect(await refusalOf(create(caller, ['tenant:read'], { ipAllowlist }))).toMatchObject({
      code: 'request.invalid',
      details: { issues: [{ path: 'ipAllowlist.1', message: expect.stringMatching(/would match none/) }] },
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
