import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { operator } from '../../testing.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'
import { openProduct, type Product } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
const current = { tenantId: 'current' }
let product: Product
beforeAll(async () => {
  product = await openProduct({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => product.close())

const migrate = (tenantIds: string[], dryRun = false) =>
  product.installation.callerAs(operator).usage.migrate({ tenantIds, dryRun })
const changed = async (tenantIds: string[], dryRun = false) => {
  const { tenants } = await migrate(tenantIds, dryRun)
  return tenants.map(({ outcome, meters }) => [
    outcome,
    ...meters.filter(({ drift }) => drift !== 0).map(({ meter, before, after }) => [meter, before, after]),
  ])
}

test('usage of tenants that were there before is taken from the tables of the product, once', async () => {
  const { installation, converse } = product
  const [one, other, none] = [await installation.enter(), await installation.enter(), await installation.enter()]
  await converse(one.tenant.id, [100, 20, 3])
  await converse(one.tenant.id, [5_000], '2026-10-31T23:59:59Z')
  await converse(one.tenant.id, [7_000], '2026-12-01T00:00:00Z')
  await converse(other.tenant.id, [40])
  await other.caller.usage.track({ ...current, metric: 'tokens', amount: 50 })
  const all = [one.tenant.slug, other.tenant.id, none.tenant.id]

  const first = await migrate(all)
  expect(first).toMatchObject({ refused: [], nextCursor: null })
  expect(first.tenants.map(({ slug, outcome, error }) => [slug, outcome, error])).toEqual([
    [one.tenant.slug, 'corrected', null],
    [other.tenant.slug, 'corrected', null],
    [none.tenant.slug, 'unchanged', null],
  ])
  const told = first.tenants[0]?.meters
  expect(told).toContainEqual({
    meter: 'tokens',
    period: '2026-11-01',
    comparedWith: 'conversations',
    before: 0,
    after: 123,
    drift: 123,
    limit: 10_000_000,
    state: 'ok',
  })
  expect(told).toContainEqual(expect.objectContaining({ meter: 'conversations', period: 'total', before: 0, after: 5 }))
  expect(told).toContainEqual(expect.objectContaining({ meter: 'bandwidth', comparedWith: 'events', drift: 0 }))
  expect(first.tenants[1]?.meters).toContainEqual(expect.objectContaining({ meter: 'tokens', before: 50, after: 40 }))

  const rows = await usageRows(installation, one.tenant.id)
  expect(rows.counters).toMatchObject([
    { meter: 'conversations', used: 5 },
    { meter: 'tokens', used: 123 },
  ])
  expect(rows.daily).toMatchObject([
    { meter: 'conversations', day: '2026-11-21', used: 5 },
    { meter: 'tokens', day: '2026-11-21', used: 123 },
  ])
  expect(await one.caller.tenants.usage()).toMatchObject({ tokensUsed: 123, conversationsCount: 5 })
  expect(await other.caller.tenants.usage()).toMatchObject({ tokensUsed: 40, conversationsCount: 1 })

  expect(await changed(all)).toEqual([['unchanged'], ['unchanged'], ['unchanged']])
  expect(await usageRows(installation, one.tenant.id)).toEqual(rows)
  const entries = await installation.auditEntries(one.tenant.id)
  expect(entries.filter(({ action }) => action === 'usage.migrated')).toMatchObject([
    {
      actorType: 'platformAdmin',
      changes: { tokens: { before: 0, after: 123 }, conversations: { before: 0, after: 5 } },
    },
  ])
})

test('what is corrected raises the alerts and blocks, and a caller sees no key of ours', async () => {
  const { installation, converse } = product
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  await converse(tenant.id, [99_000, 12_000])
  const { tenants } = await migrate([tenant.id])
  expect(tenants[0]?.meters).toContainEqual(
    expect.objectContaining({ meter: 'tokens', after: 111_000, limit: 100_000, state: 'blocked' }),
  )
  const refused = caller.usage.consume({ ...current, metric: 'tokens' })
  await expect(refused).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  await installation.dependencies.services.metering.told(tenant.id)
  const { items } = await caller.events.list(current)
  const percents = items.map(({ event }) => event.type === 'usage.threshold_reached' && event.thresholdPercent)
  expect(percents.toSorted()).toEqual([100, 80, 90, null])
  expect((await caller.usage.events({ ...current, metric: 'tokens' })).items).toMatchObject([
    { amount: 111_000, idempotencyKey: null, properties: { reason: 'Counted from conversations' } },
  ])
})

test('a dry run tells the same and changes nothing', async () => {
  const { installation, converse } = product
  const { tenant } = await installation.enter()
  await converse(tenant.id, [9])
  expect(await changed([tenant.id], true)).toEqual([['drifts', ['conversations', 0, 1], ['tokens', 0, 9]]])
  expect(await usageRows(installation, tenant.id)).toEqual({ counters: [], daily: [], events: [] })
  expect(await installation.auditEntries(tenant.id)).toEqual([])
  expect(await changed([tenant.id])).toEqual([['corrected', ['conversations', 0, 1], ['tokens', 0, 9]]])
})

test('the next month begins with its own rows, and what drifts again is corrected again', async () => {
  const { installation, converse, admin } = product
  const { tenant } = await installation.enter()
  await converse(tenant.id, [10])
  await changed([tenant.id])
  clock.set('2026-12-02T10:00:00Z')
  await converse(tenant.id, [4], '2026-12-01T00:00:00Z')
  expect(await changed([tenant.id])).toEqual([['corrected', ['conversations', 1, 2], ['tokens', 0, 4]]])
  await admin.query('delete from tenantry.conversations where tenant_id = $1 and total_tokens = 10', [tenant.id])
  expect(await changed([tenant.id])).toEqual([['corrected', ['conversations', 2, 1]]])
  await converse(tenant.id, [6], '2026-12-01T00:00:00Z')
  expect(await changed([tenant.id])).toEqual([['corrected', ['conversations', 1, 2], ['tokens', 4, 10]]])
  const { counters } = await usageRows(installation, tenant.id)
  expect(counters.map(({ meter, period, used }) => [meter, period, used])).toEqual([
    ['conversations', 'total', 2],
    ['tokens', '2026-11-01', 10],
    ['tokens', '2026-12-01', 10],
  ])
})

test('a meter without a source is put right by its events, once, also where they are below the counter', async () => {
  const { installation, admin } = product
  const { tenant, caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'bandwidth', amount: 30 })
  await caller.usage.track({ ...current, metric: 'storage', amount: 12 })
  for (const [meter, used] of [
    ['bandwidth', 7],
    ['storage', 90],
  ]) {
    const sql = 'update tenantry.usage_counters set used = $3 where tenant_id = $1 and meter = $2'
    await admin.query(sql, [tenant.id, meter, used])
  }
  expect(await changed([tenant.id])).toEqual([['corrected', ['storage', 90, 12], ['bandwidth', 7, 30]]])
  expect(await changed([tenant.id])).toEqual([['unchanged']])
  await caller.usage.track({ ...current, metric: 'bandwidth', amount: 1 })
  expect(await changed([tenant.id])).toEqual([['unchanged']])
  expect((await caller.tenants.usage()).meters.find(({ meter }) => meter === 'bandwidth')?.used).toBe(31)
})

test('events that are no longer all kept are no measure of what has no period', async () => {
  const { installation, admin } = product
  const { tenant, caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'storage', amount: 12 })
  await admin.query(`update tenantry.tenants set created_at = '2025-01-01' where id = $1`, [tenant.id])
  await admin.query('delete from tenantry.usage_events where tenant_id = $1', [tenant.id])
  installation.dependencies.services.forgetAccess(tenant.id)
  const { tenants } = await migrate([tenant.id])
  expect(tenants[0]?.meters).toContainEqual(
    expect.objectContaining({ meter: 'storage', comparedWith: null, before: 12, after: 12, drift: 0 }),
  )
})

test('what fails for one tenant is told, and the others go on', async () => {
  const { installation, converse, admin } = product
  const [broken, sound] = [await installation.createTenant(), await installation.createTenant()]
  const gone = await installation.createTenant({ status: 'deleting' })
  await converse(broken.id, [-5])
  await converse(sound.id, [5])
  const { tenants } = await migrate(['no-such-tenant', gone.id, broken.id, sound.id])
  expect(tenants.map(({ slug, outcome, error }) => [slug, outcome, error?.code])).toEqual([
    [null, 'failed', 'tenant.not_found'],
    [gone.slug, 'failed', 'tenant.inactive'],
    [broken.slug, 'failed', 'usage_source.uncountable'],
    [sound.slug, 'corrected', undefined],
  ])
  expect(tenants[2]?.error?.message).toBe('tokens cannot stand at -5, as conversations would have it.')
  await admin.query('delete from tenantry.conversations where tenant_id = $1', [broken.id])
  expect(await changed([broken.id])).toEqual([['corrected', ['conversations', 1, 0]]])
})

test('all tenants are walked page by page, each once, and the rest can be gone on with', async () => {
  const { installation } = product
  const caller = installation.callerAs(operator)
  await installation.createTenant({ status: 'suspended' })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await caller.usage.migrate({ dryRun: true, limit: 4, cursor })
    seen.push(...page.tenants.map(({ tenantId }) => tenantId))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  const { rows } = await product.admin.query(`select id from tenantry.tenants where status <> 'deleting'`)
  expect(seen.toSorted()).toEqual(rows.map(({ id }) => id).toSorted())
})
