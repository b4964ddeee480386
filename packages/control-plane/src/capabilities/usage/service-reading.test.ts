import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Dependencies, TenantQuery, TenantRead } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createInternalCaller, type InternalCaller } from '../../caller.ts'
import { openTestInstallation, operator, type TestInstallation, type TestTenant } from '../../testing.ts'
import { loadCatalogue } from '../plan/index.ts'
import { createTestClock, expireMany } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

const current = { tenantId: 'current' }

describe('usage', () => {
  test('shows every meter of the catalogue with limit, percent, state and reset, and the flat fields', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'free', role: 'viewer' })
    const owner = installation.callerAs(await installation.createMember(tenant.id, 'owner'), tenant.id)
    await owner.usage.track({ ...current, metric: 'conversations', amount: 12 })
    await owner.usage.track({ ...current, metric: 'api_calls', amount: 250 })
    await owner.usage.track({ ...current, metric: 'storage', amount: 1_572_864 })

    const { meters, ...flat } = await caller.tenants.usage()
    expect(flat).toEqual({
      usersCount: 2,
      usersLimit: 5,
      teamsCount: 0,
      teamsLimit: 2,
      conversationsCount: 12,
      conversationsLimit: 50,
      tokensUsed: 0,
      tokensLimit: 100_000,
      storageUsedMb: 1.5,
      apiCallsToday: 250,
    })
    expect(meters.map(({ meter }) => meter)).toEqual(Object.keys(installation.dependencies.services.catalogue.meters))
    const gauge = { kind: 'gauge', held: 0, resetsAt: null }
    expect(meters).toEqual(
      expect.arrayContaining([
        { ...gauge, meter: 'users', unit: 'users', used: 2, limit: 5, hardLimit: 5, percent: 40, state: 'ok' },
        { ...gauge, meter: 'admins', unit: 'users', used: 1, limit: 1, hardLimit: 1, percent: 100, state: 'blocked' },
        {
          ...gauge,
          meter: 'conversations',
          unit: 'conversations',
          used: 12,
          limit: 50,
          hardLimit: 55,
          percent: 24,
          state: 'ok',
        },
        {
          meter: 'api_calls',
          kind: 'counter',
          unit: 'calls',
          used: 250,
          held: 0,
          limit: 1000,
          hardLimit: 1100,
          percent: 25,
          state: 'ok',
          resetsAt: '2026-11-22T00:00:00.000Z',
        },
      ]),
    )
  })

  test.each([
    ['tokens', 79_999, 'ok'],
    ['tokens', 80_000, 'warning'],
    ['tokens', 100_000, 'warning'],
    ['tokens', 100_001, 'grace'],
    ['tokens', 109_999, 'grace'],
    ['tokens', 110_000, 'blocked'],
    ['pipeline_runs', 15, 'ok'],
    ['pipeline_runs', 16, 'warning'],
    ['pipeline_runs', 19, 'warning'],
    ['pipeline_runs', 20, 'blocked'],
  ])('of %s at %d is %s on the free plan', async (metric, amount, state) => {
    const { caller } = await installation.enter({ plan: 'free' })
    expect(await caller.usage.track({ ...current, metric, amount })).toMatchObject({ state })
    const { meters } = await caller.tenants.usage()
    expect(meters.find(({ meter }) => meter === metric)).toMatchObject({ used: amount, state })
  })

  test('without a limit is null in the list, -1 in the flat fields, and never more than ok', async () => {
    const { caller } = await installation.enter({ plan: 'enterprise' })
    await caller.usage.track({ ...current, metric: 'tokens', amount: 1_000_000_000_000 })
    const { meters, ...flat } = await caller.tenants.usage()
    expect(flat).toMatchObject({
      usersLimit: -1,
      teamsLimit: -1,
      conversationsLimit: -1,
      tokensLimit: -1,
      tokensUsed: 1_000_000_000_000,
    })
    expect(meters.find(({ meter }) => meter === 'tokens')).toMatchObject({
      limit: null,
      hardLimit: null,
      percent: null,
      state: 'ok',
    })
  })

  test('is fresh after every track although it is cached', async () => {
    const { tenant, caller } = await installation.enter()
    const reader = installation.callerAs(await installation.createMember(tenant.id, 'viewer'), tenant.id)
    expect(await reader.tenants.usage()).toMatchObject({ tokensUsed: 0, conversationsCount: 0 })
    await caller.usage.track({ ...current, metric: 'tokens', amount: 40 })
    expect(await reader.tenants.usage()).toMatchObject({ tokensUsed: 40, conversationsCount: 0 })
    await caller.usage.track({ ...current, metric: 'conversations', amount: 3 })
    await caller.usage.track({ ...current, metric: 'conversations', amount: -1 })
    expect(await reader.tenants.usage()).toMatchObject({ tokensUsed: 40, conversationsCount: 2 })
  })

  test('is cached for a minute', async () => {
    const { tenant, caller } = await installation.enter()
    await caller.tenants.usage()
    await installation.createMember(tenant.id, 'member')
    clock.set('2026-11-21T10:00:59Z')
    expect(await caller.tenants.usage()).toMatchObject({ usersCount: 1 })
    clock.set('2026-11-21T10:01:00Z')
    expect(await caller.tenants.usage()).toMatchObject({ usersCount: 2 })
  })

  test('counts direct members only, not those an ancestor lends', async () => {
    const { tenant, user } = await installation.enter({ role: 'admin' })
    const child = await installation.createTenant({ parent: tenant })
    expect(await installation.callerAs(user, child.id).tenants.usage()).toMatchObject({ usersCount: 0 })
  })

  test('of another tenant stays as it was', async () => {
    const { caller } = await installation.enter()
    const { caller: other } = await installation.enter()
    await other.tenants.usage()
    await caller.usage.track({ ...current, metric: 'tokens', amount: 40 })
    expect(await other.tenants.usage()).toMatchObject({ tokensUsed: 0 })
    expect(await caller.tenants.usage()).toMatchObject({ tokensUsed: 40 })
  })

  test('costs the same whether a tenant has one event or thousands', async () => {
    const { tenant, caller } = await installation.enter()
    await caller.usage.track({ ...current, metric: 'tokens', amount: 1 })
    const few = await costOfUsage(tenant)
    for (let chunk = 0; chunk < 4; chunk++) await trackMany(tenant, 500)
    const many = await costOfUsage(tenant)

    expect(few.used).toBe(1)
    expect(many.used).toBe(2_001)
    expect(many.cost).toEqual(few.cost)
    expect(Object.keys(many.cost).toSorted()).toEqual([
      'custom_roles',
      'limit_grants',
      'limit_overrides',
      'memberships',
      'run_totals',
      'runs',
      'teams',
      'usage_counters',
      'usage_reservations',
    ])
  })

  test('reads no reservation that has expired', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
    const reserve = (amount: number) => caller.usage.reserve({ ...current, metric: 'tokens', amount, ttlSeconds: 60 })
    await reserve(1)
    clock.set('2026-11-21T10:02:00Z')
    const { id } = await reserve(5)
    await expireMany(installation, { reservationId: id, count: 2_000 })
    const { cost } = await costOfUsage(tenant)
    expect(cost.usage_reservations?.rows).toBe(1)
    const { meters } = await caller.tenants.usage()
    expect(meters.find(({ meter }) => meter === 'tokens')).toMatchObject({ held: 5 })
  })
})

/** Past the door, whose budget is smaller. */
async function trackMany({ id: tenantId }: TestTenant, events: number): Promise<void> {
  const { metering } = installation.dependencies.services
  const period = { period: '2026-11-01', span: '2026-11-01', isCurrent: true, day: '2026-11-21' }
  const rest = { mode: 'track' as const, sequence: null, occurredAt: clock.now(), properties: null }
  const event = () => ({ tenantId, meter: 'tokens', id: newId(), key: null, amount: 1, ...period, ...rest })
  await Promise.all(Array.from({ length: events }, () => metering.write(event())))
}

/** Reads usage past the cache, and what PostgreSQL counted meanwhile: scans and rows per table. */
async function costOfUsage({ id }: TestTenant) {
  let cost: Record<string, { scans: number; rows: number }> = {}
  const database: Dependencies['database'] = {
    ...installation.database,
    tenantRead: <Row>({ tenantId }: TenantRead, { text }: TenantQuery<Row>, values: readonly unknown[] = []) =>
      installation.database.tenantUnit({ tenantId, actor: operator, readOnly: true }, async (em) => {
        // The session counts across transactions until it reports.
        const before = await readStatistics(em)
        const kysely = em.getKysely()
        const compiled = kysely.selectNoFrom(({ val }) => [val(1).as('one')]).compile()
        const { rows } = await kysely.executeQuery({ ...compiled, sql: text, parameters: [tenantId, ...values] })
        const after = await readStatistics(em)
        const spent = Object.entries(after).map(([table, { scans, rows }]) => {
          const earlier = before[table] ?? { scans: 0, rows: 0 }
          return [table, { scans: scans - earlier.scans, rows: rows - earlier.rows }] as const
        })
        cost = Object.fromEntries(spent.filter(([, { scans }]) => scans > 0))
        return rows as Row[]
      }),
  }
  const { services } = installation.dependencies
  await services.cache.invalidate(id, 'usage')
  const { tokensUsed } = await createInternalCaller(
    { ...installation.dependencies, database },
    { actor: { type: 'service', name: 'reader' }, tenantId: id },
  ).tenants.usage()
  return { used: tokensUsed, cost }
}

async function readStatistics(em: { execute<Row>(sql: string): Promise<Row> }) {
  const rows = await em.execute<{ table: string; scans: number; rows: number }[]>(/* sql */ `
    select relname as "table", (seq_scan + coalesce(idx_scan, 0))::int as scans,
           (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
      from pg_stat_xact_user_tables where schemaname = 'tenantry'`)
  return Object.fromEntries(rows.map(({ table, ...counted }) => [table, counted]))
}

describe('limits', () => {
  test('show what the plan includes, how far grace goes, and where each comes from', async () => {
    const { caller } = await installation.enter({ plan: 'starter' })
    const { tier, limits, features } = await caller.tenants.limits()
    expect(tier).toBe('starter')
    expect(features).toContain('api_access')
    const source = 'plan'
    expect(limits).toEqual(
      expect.arrayContaining([
        { meter: 'users', limit: 20, grace: 0, graceDays: 0, hardLimit: 20, source },
        { meter: 'tokens', limit: 1_000_000, grace: 100_000, graceDays: 7, hardLimit: 1_100_000, source },
        { meter: 'bandwidth', limit: null, grace: 0, graceDays: 0, hardLimit: null, source },
        { meter: 'concurrent_pipelines', limit: 5, grace: 0, graceDays: 0, hardLimit: 5, source },
      ]),
    )
    expect(limits.map(({ meter }) => meter)).toEqual(Object.keys(installation.dependencies.services.catalogue.meters))
  })

  test('follow a change of the plan at once, for whoever has just asked too', async () => {
    const { tenant, caller: reader } = await installation.enter({ plan: 'free' })
    expect(await reader.tenants.limits()).toMatchObject({ tier: 'free' })
    await reader.tenants.usage()
    await installation.callerAs(operator).tenants.update({ tenantId: tenant.id, plan: 'enterprise' })
    expect(await reader.tenants.limits()).toMatchObject({ tier: 'enterprise' })
    expect(await reader.tenants.usage()).toMatchObject({ tokensLimit: -1 })
  })
})

describe('a period', () => {
  const used = async (caller: InternalCaller, name: string) => {
    const { meters } = await caller.tenants.usage()
    return meters.find(({ meter }) => meter === name)
  }

  test('that is used up stays so when the tenant changes its timezone', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'free' })
    const blocked = await caller.usage.track({ ...current, metric: 'api_calls', amount: 5_000 })
    expect(blocked.state).toBe('blocked')

    await caller.tenants.update({ tenantId: tenant.id, timezone: 'Pacific/Pago_Pago' })

    expect(await used(caller, 'api_calls')).toMatchObject({ used: 5_000, state: 'blocked' })
    expect(await caller.usage.track({ ...current, metric: 'api_calls' })).toMatchObject({ used: 5_001 })
    clock.set('2026-11-22T11:00:00Z')
    expect(await used(caller, 'api_calls')).toMatchObject({ used: 0, resetsAt: '2026-11-23T11:00:00.000Z' })
  })

  test('of a plan that is anchored at the subscription starts on its day of the month', async () => {
    const { user, tenant } = await installation.enter({ plan: 'starter' })
    clock.set('2026-12-05T10:00:00Z')
    const dependencies = await withAnchor(installation.dependencies, 'subscription')
    const caller = createInternalCaller(dependencies, {
      actor: { type: 'user', ...user, name: null },
      tenantId: tenant.id,
    })

    const { resetsAt } = await caller.usage.track({ ...current, metric: 'tokens', amount: 7 })

    expect(resetsAt).toBe('2026-12-21T00:00:00.000Z')
    expect(await used(caller, 'tokens')).toMatchObject({ used: 7, resetsAt })
  })
})

async function withAnchor(dependencies: Dependencies, anchor: string): Promise<Dependencies> {
  const own = join(await mkdtemp(join(tmpdir(), 'tenantry-catalogue-')), 'plans.yaml')
  onTestFinished(() => rm(dirname(own), { recursive: true }))
  const declared = await readFile(new URL('../../../catalogue/default.yaml', import.meta.url), 'utf8')
  await writeFile(own, declared.replace('periodAnchor: calendar', `periodAnchor: ${anchor}`))
  return { ...dependencies, services: { ...dependencies.services, catalogue: loadCatalogue(own) } }
}
