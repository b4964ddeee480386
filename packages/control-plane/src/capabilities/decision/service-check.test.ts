import { createMemoryBus } from '@tenantry/kernel/bus/memory-bus'
import { createTenantCache } from '@tenantry/kernel/cache/tenant-cache'
import type { Database, Dependencies } from '@tenantry/kernel/context/dependencies'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createInternalCaller } from '../../caller.ts'
import { createDependencies } from '../../dependencies.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { baseRoles, roleScopes, tenantScopes } from '../access/index.ts'
import { createTestClock } from '../usage/service.fixture.ts'

const start = '2026-11-21T10:00:00Z'
const clock = createTestClock(start)
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set(start))
afterAll(() => installation.close())

const current = { tenantId: 'current' }

/** Serves from the same database, with caches of its own and nobody who tells it of changes. */
function openProcess({ dependencies }: TestInstallation, database = dependencies.database): Dependencies {
  const { apiKeys, catalogue } = dependencies.services
  const own = { bus: createMemoryBus(dependencies.logger), cache: createTenantCache({ clock, maxItems: 1_000 }) }
  return createDependencies({ ...dependencies, ...own, database, catalogue, apiKeyTexts: apiKeys.texts })
}

/** Writes down whatever it is asked. */
function observed(database: Database, asked: string[]): Database {
  return new Proxy(database, {
    get: (target, name: keyof Database) => (unit: never, work: never, values: never) => {
      asked.push(name)
      return target[name](unit, work, values)
    },
  })
}

describe('an answer', () => {
  test('of everything that is asked at once says who, where, and how much is left', async () => {
    const { tenant, user, caller } = await installation.enter({ plan: 'business', role: 'member' })
    await caller.usage.track({ ...current, metric: 'pipeline_runs', amount: 40 })
    const question = { permission: 'runs:write', feature: 'analytics', meter: 'pipeline_runs' }
    expect(await caller.access.check({ ...current, ...question })).toEqual({
      allowed: true,
      reasons: [],
      tenant: { id: tenant.id, slug: tenant.slug, state: 'active' },
      principal: { type: 'user', id: user.id },
      role: 'member',
      plan: 'business',
      usage: {
        meter: 'pipeline_runs',
        used: 40,
        limit: 5_000,
        hardLimit: 5_000,
        remaining: 4_960,
        resetsAt: '2026-12-01T00:00:00.000Z',
      },
    })
  })

  test('has every reason against it, each as the problem document that the refusal would be', async () => {
    const { tenant, caller } = await installation.enter({
      plan: 'free',
      role: 'viewer',
      status: 'suspended',
      statusReason: 'Invoice 2041 is unpaid.',
    })
    const question = { permission: 'usage:write', feature: 'sso', meter: 'pipeline_runs', amount: 21 }
    const { allowed, reasons, ...told } = await caller.access.check({ ...current, ...question })
    expect(allowed).toBe(false)
    expect(told.tenant).toEqual({ id: tenant.id, slug: tenant.slug, state: 'suspended' })
    const forbidden = { title: 'Forbidden', status: 403 }
    expect(reasons).toEqual([
      {
        ...forbidden,
        type: 'urn:tenantry:error:tenant.inactive',
        code: 'tenant.inactive',
        detail: 'This tenant is suspended.',
        state: 'suspended',
        reason: 'Invoice 2041 is unpaid.',
      },
      {
        ...forbidden,
        type: 'urn:tenantry:error:auth.permission_denied',
        code: 'auth.permission_denied',
        detail: 'This needs the scope usage:write.',
        missingScope: 'usage:write',
        explain: `/api/v1/tenants/${tenant.id}/access/explain?permission=usage:write`,
      },
      {
        ...forbidden,
        type: 'urn:tenantry:error:plan.feature_missing',
        code: 'plan.feature_missing',
        detail: 'The plan free does not have the feature sso.',
        requiresFeature: 'sso',
      },
      {
        type: 'urn:tenantry:error:usage.limit_exceeded',
        title: 'Too Many Requests',
        status: 429,
        code: 'usage.limit_exceeded',
        detail: '21 more of pipeline_runs would be above the limit of 20.',
        meter: 'pipeline_runs',
        limit: 20,
        hardLimit: 20,
        used: 0,
        remaining: 20,
        resetsAt: '2026-12-01T00:00:00.000Z',
      },
    ])
  })

  test.each(baseRoles)('about each scope is what the role of an %s holds', async (role) => {
    const { caller } = await installation.enter({ role })
    for (const permission of tenantScopes) {
      const { allowed } = await caller.access.check({ ...current, permission })
      expect({ permission, allowed }).toEqual({ permission, allowed: roleScopes[role].has(permission) })
    }
  })

  test('lets through up to the hard limit, grace included, and not one more', async () => {
    const { caller } = await installation.enter({ plan: 'free' })
    await caller.usage.track({ ...current, metric: 'conversations', amount: 50 })
    const ask = (amount?: number) =>
      caller.access.check({ ...current, meter: 'conversations', ...(amount === undefined ? {} : { amount }) })
    expect(await ask()).toMatchObject({ allowed: true, usage: { limit: 50, hardLimit: 55, remaining: 5 } })
    expect(await ask(5)).toMatchObject({ allowed: true })
    expect(await ask(6)).toMatchObject({ allowed: false, reasons: [{ code: 'usage.limit_exceeded', used: 50 }] })
    await caller.usage.track({ ...current, metric: 'conversations', amount: 9 })
    expect(await ask()).toMatchObject({ allowed: false, usage: { used: 59, remaining: 0 } })
  })

  test('about what is unlimited is yes, with nothing that could run out', async () => {
    const { caller } = await installation.enter({ plan: 'enterprise' })
    const { allowed, usage } = await caller.access.check({ ...current, meter: 'tokens', amount: 1_000_000_000_000 })
    expect({ allowed, usage }).toMatchObject({ allowed: true, usage: { hardLimit: null, remaining: null } })
  })

  test('counts members where a meter is counted from them', async () => {
    const { caller } = await installation.enter({ plan: 'free' })
    expect(await caller.access.check({ ...current, meter: 'admins' })).toMatchObject({
      allowed: false,
      usage: { used: 1, limit: 1 },
    })
    expect(await caller.access.check({ ...current, meter: 'users', amount: 4 })).toMatchObject({ allowed: true })
  })

  test('says of a permission or feature that nobody knows that it is unknown, and no', async () => {
    const { caller } = await installation.enter({ role: 'owner', plan: 'enterprise' })
    const { reasons } = await caller.access.check({ ...current, permission: 'events:manage', feature: 'time_travel' })
    expect(reasons.map(({ detail }) => detail)).toEqual([
      'This needs the scope events:manage, which no role holds.',
      'The plan enterprise does not have the feature time_travel; the plan catalogue does not know it.',
    ])
  })

  test('to a service is by the scopes that it was given, product scopes too', async () => {
    const { tenant } = await installation.enter()
    const service = { type: 'service', name: 'planner', scopes: ['events:manage'] } as const
    const ask = (permission: string) =>
      installation.callerAs(service, tenant.id).access.check({ ...current, permission })
    expect(await ask('events:manage')).toMatchObject({ allowed: true, role: null, principal: { id: 'planner' } })
    expect(await ask('usage:read')).toMatchObject({ allowed: false, reasons: [{ missingScope: 'usage:read' }] })
  })

  test('to an operator is yes for every scope of ours', async () => {
    const { tenant } = await installation.enter()
    const asked = installation.callerAs(operator, tenant.id).access.check({ ...current, permission: 'tenant:own' })
    expect(await asked).toMatchObject({ allowed: true, principal: { type: 'platformAdmin', id: operator.id } })
  })
})

test.each([
  ['permission', {}],
  ['amount', { permission: 'usage:read', amount: 2 }],
  ['permission', { permission: 'everything' }],
  ['feature', { feature: 'Custom Branding' }],
  ['amount', { meter: 'tokens', amount: 0 }],
])('a question that cannot be answered is refused, naming %s', async (path, question) => {
  const { caller } = await installation.enter()
  const asked = caller.access.check({ ...current, ...question })
  await expect(asked).rejects.toMatchObject({ code: 'request.invalid', details: { issues: [{ path }] } })
})

test('a meter that the catalogue does not have is an error, for no amount of it could ever be right', async () => {
  const { caller } = await installation.enter()
  const asked = caller.access.check({ ...current, meter: 'constructor' })
  await expect(asked).rejects.toMatchObject({ code: 'usage.unknown_meter', status: 404 })
})

describe('a warm answer', () => {
  test('asks the database nothing, whatever the question', async () => {
    const { tenant, user } = await installation.enter()
    const asked: string[] = []
    const dependencies = openProcess(installation, observed(installation.database, asked))
    const caller = createInternalCaller(dependencies, {
      actor: { type: 'user', ...user, name: null },
      tenantId: tenant.id,
    })
    const question = { ...current, permission: 'usage:write', feature: 'analytics', meter: 'tokens', amount: 5 }
    // A busy machine may take longer for them than an answer is warm.
    const askWarm = async () => {
      await caller.access.check(question)
      asked.length = 0
      for (let times = 0; times < 10; times++) await caller.access.check(question)
      for (const meter of ['storage', 'users', 'pipeline_runs']) await caller.access.check({ ...question, meter })
      return asked
    }
    await expect.poll(askWarm, { timeout: 10_000 }).toEqual([])
  })

  test('is not held against the reads of its caller, nor they against it', async () => {
    const { caller } = await installation.enter({ plan: 'free' })
    const question = { ...current, permission: 'usage:read' }
    for (let times = 0; times < 150; times++) await caller.access.check(question)
    for (let times = 0; times < 100; times++) await caller.tenants.info()
    await expect(caller.tenants.info()).rejects.toMatchObject({ code: 'rate_limit.exceeded', details: { limit: 100 } })
    expect(await caller.access.check(question)).toMatchObject({ allowed: true })
  })

  test('leaves nothing in the audit log, yes or no', async () => {
    const { tenant, caller } = await installation.enter({ role: 'viewer' })
    await caller.access.check({ ...current, permission: 'settings:write' })
    await caller.access.check({ ...current, permission: 'settings:read' })
    expect(await installation.auditEntries(tenant.id)).toEqual([])
  })

  test('knows at once what this process has counted, and the plan and state that it has changed', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'free' })
    const ask = () => caller.access.check({ ...current, feature: 'analytics', meter: 'tokens' })
    expect(await ask()).toMatchObject({ usage: { used: 0 }, allowed: false })
    await caller.usage.track({ ...current, metric: 'tokens', amount: 7 })
    expect(await ask()).toMatchObject({ usage: { used: 7 } })
    await installation.callerAs(operator).tenants.update({ tenantId: tenant.id, plan: 'starter' })
    expect(await ask()).toMatchObject({ allowed: true, plan: 'starter', usage: { used: 7, limit: 1_000_000 } })
  })

  test('is a second old at most, whoever changed what it tells of', async () => {
    const elsewhere = openProcess(installation)
    const { tenant, user, caller } = await installation.enter()
    const question = { ...current, meter: 'tokens' }
    expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 0 })
    expect(await caller.access.check(question)).toMatchObject({ usage: { used: 0 } })
    const other = createInternalCaller(elsewhere, {
      actor: { type: 'user', ...user, name: null },
      tenantId: tenant.id,
    })
    await other.usage.track({ ...current, metric: 'tokens', amount: 3 })
    expect(await caller.access.check(question)).toMatchObject({ usage: { used: 0 } })
    clock.set('2026-11-21T10:00:01Z')
    expect(await caller.access.check(question)).toMatchObject({ usage: { used: 3 } })
  })
})
