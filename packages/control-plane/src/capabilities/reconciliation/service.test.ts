import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { operator } from '../../testing.ts'
import { parseCatalogue } from '../plan/rules/catalogue.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'
import { openProduct, type Product, sourcedText } from './service.fixture.ts'

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
  expect(first.tenants.map(({ slug, outcome, errors }) => [slug, outcome, errors])).toEqual([
    [one.tenant.slug, 'corrected', []],
    [other.tenant.slug, 'corrected', []],
    [none.tenant.slug, 'unchanged', []],
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

/** What a counter says beside what its events and its days add up to. */
async function sumsOf(tenantId: string, meter: string) {
  const { counters, daily, events } = await usageRows(product.installation, tenantId)
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  return {
    used: sum(counters.filter((row) => row.meter === meter).map(({ used }) => used)),
    events: sum(events.filter((row) => row.meter === meter).map(({ amount }) => amount)),
    days: sum(daily.filter((row) => row.meter === meter).map(({ used }) => used)),
  }
}

const damage = (tenantId: string, meter: string, used: number) =>
  product.admin.query('update tenantry.usage_counters set used = $3 where tenant_id = $1 and meter = $2', [
    tenantId,
    meter,
    used,
  ])

test('a counter that lost count stands at the sum of its events again, and of its days, wherever it stood', async () => {
  const { installation } = product
  const { tenant, caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'bandwidth', amount: 30, idempotencyKey: 'upload' })
  for (const used of [7, 90]) {
    await damage(tenant.id, 'bandwidth', used)
    expect(await changed([tenant.id], true)).toEqual([['drifts', ['bandwidth', used, 30]]])
    expect(await changed([tenant.id])).toEqual([['corrected', ['bandwidth', used, 30]]])
    expect(await changed([tenant.id])).toEqual([['unchanged']])
    expect(await sumsOf(tenant.id, 'bandwidth')).toEqual({ used: 30, events: 30, days: 30 })
    expect((await caller.tenants.usage()).meters.find(({ meter }) => meter === 'bandwidth')?.used).toBe(30)
  }
  const { items } = await caller.usage.events({ ...current, metric: 'bandwidth' })
  expect(items).toMatchObject([{ amount: 30, idempotencyKey: 'upload' }])
  await caller.usage.void({ ...current, idempotencyKey: 'upload', reason: 'Reported by mistake' })
  await caller.usage.track({ ...current, metric: 'bandwidth', amount: 1 })
  expect(await changed([tenant.id])).toEqual([['unchanged']])
  expect(await sumsOf(tenant.id, 'bandwidth')).toEqual({ used: 1, events: 1, days: 1 })
})

test('what a counter with a source had lost is no event again, and what its source has more is one', async () => {
  const { installation, converse } = product
  const { tenant, caller } = await installation.enter()
  await converse(tenant.id, [40])
  await caller.usage.track({ ...current, metric: 'tokens', amount: 30 })
  await damage(tenant.id, 'tokens', 7)
  expect(await changed([tenant.id])).toEqual([['corrected', ['conversations', 0, 1], ['tokens', 7, 40]]])
  expect(await sumsOf(tenant.id, 'tokens')).toEqual({ used: 40, events: 40, days: 40 })
  expect(await changed([tenant.id])).toEqual([['unchanged']])
})

test('a counter that is put right raises the alerts that it had missed, once, and blocks', async () => {
  const { installation } = product
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  await caller.usage.track({ ...current, metric: 'pipeline_runs', amount: 20 })
  await installation.dependencies.services.metering.told(tenant.id)
  await product.admin.query('delete from tenantry.usage_alerts where tenant_id = $1 and percent <> 80', [tenant.id])
  await damage(tenant.id, 'pipeline_runs', 3)
  await changed([tenant.id])
  await expect(caller.usage.consume({ ...current, metric: 'pipeline_runs' })).rejects.toMatchObject({
    code: 'usage.limit_exceeded',
  })
  await installation.dependencies.services.metering.told(tenant.id)
  const { rows } = await product.admin.query(
    'select percent, used from tenantry.usage_alerts where tenant_id = $1 and announced_at is not null order by percent',
    [tenant.id],
  )
  expect(rows).toEqual([0, 80, 90, 100].map((percent) => ({ percent, used: '20' })))
})

test('what was set is compared with nothing: its events tell what it was taken for before', async () => {
  const { installation } = product
  const { tenant, caller } = await installation.enter()
  await caller.usage.setGauge({ ...current, meter: 'storage', value: 30 })
  await damage(tenant.id, 'storage', 7)
  await caller.usage.setGauge({ ...current, meter: 'storage', value: 20 })
  const { tenants } = await migrate([tenant.id])
  expect(tenants).toMatchObject([{ outcome: 'unchanged' }])
  expect(tenants[0]?.meters).toContainEqual(
    expect.objectContaining({ meter: 'storage', comparedWith: null, before: 20, after: 20, drift: 0 }),
  )
})

test('events that are no longer all kept are no measure of what has no period', async () => {
  const text = sourcedText({})
  const endless = text.replace(/(\n {2}bandwidth:\n {4}kind: counter\n {4}period: )month/, '$1total')
  const { installation, admin, close } = await openProduct({ clock, catalogue: parseCatalogue(endless, 'plans.yaml') })
  onTestFinished(close)
  const { tenant, caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'bandwidth', amount: 12 })
  const compared = async () => {
    const { tenants } = await installation.callerAs(operator).usage.migrate({ tenantIds: [tenant.id] })
    return tenants[0]?.meters.find(({ meter }) => meter === 'bandwidth')
  }
  expect(await compared()).toMatchObject({ comparedWith: 'events', before: 12, drift: 0 })
  await admin.query(`update tenantry.tenants set created_at = '2025-01-01' where id = $1`, [tenant.id])
  await admin.query('delete from tenantry.usage_events where tenant_id = $1', [tenant.id])
  installation.dependencies.services.forgetAccess(tenant.id)
  expect(await compared()).toMatchObject({ comparedWith: null, before: 12, after: 12, drift: 0 })
})

test('what fails for one tenant is told, and the others go on', async () => {
  const { installation, converse, admin } = product
  const [broken, sound] = [await installation.createTenant(), await installation.createTenant()]
  const gone = await installation.createTenant({ status: 'deleting' })
  await converse(broken.id, [-5])
  await converse(sound.id, [5])
  const { tenants } = await migrate(['no-such-tenant', gone.id, broken.id, sound.id])
  expect(
    tenants.map(({ slug, outcome, errors }) => [slug, outcome, ...errors.map(({ meter, code }) => [meter, code])]),
  ).toEqual([
    [null, 'failed', [null, 'tenant.not_found']],
    [gone.slug, 'failed', [null, 'tenant.inactive']],
    [broken.slug, 'failed', ['tokens', 'usage_source.uncountable']],
    [sound.slug, 'corrected'],
  ])
  expect(tenants[2]?.errors[0]?.message).toBe('tokens cannot stand at -5, as conversations would have it.')
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
