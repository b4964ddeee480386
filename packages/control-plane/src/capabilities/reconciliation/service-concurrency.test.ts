import { afterAll, beforeAll, expect, test } from 'vitest'
import { operator } from '../../testing.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'
import { openProduct, type Product } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
const current = { tenantId: 'current' }
let product: Product
beforeAll(async () => {
  product = await openProduct({ clock })
})
afterAll(() => product.close())

const migrate = (tenantIds: string[]) => product.installation.callerAs(operator).usage.migrate({ tenantIds })

async function sumsOf(tenantId: string, metric = 'tokens') {
  const { counters, daily, events } = await usageRows(product.installation, tenantId)
  const of = <Row extends { meter: string }>(rows: Row[]) => rows.filter(({ meter }) => meter === metric)
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  return {
    used: sum(of(counters).map(({ used }) => used)),
    daily: sum(of(daily).map(({ used }) => used)),
    events: sum(of(events).map(({ amount }) => amount)),
  }
}

test('usage that is reported meanwhile is neither lost nor counted twice, however many migrate at once', async () => {
  const { installation, converse } = product
  const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
  await converse(tenant.id, [1_000, 234])
  // Of usage that the table does not tell: whatever a comparison sees, what is reported after it stays.
  const reporting = async (reporter: number) => {
    for (let event = 0; event < 25; event += 1)
      await caller.usage.track({ ...current, metric: 'bandwidth', amount: 1, idempotencyKey: `r${reporter}-${event}` })
  }
  const answers = await Promise.all([
    ...Array.from({ length: 4 }, (_, reporter) => reporting(reporter)),
    ...Array.from({ length: 6 }, () => migrate([tenant.id])),
  ])
  const corrected = answers.flatMap((answer) => answer?.tenants ?? [])
  expect(corrected.flatMap(({ errors }) => errors)).toEqual([])
  const moved = corrected.flatMap(({ meters }) => meters).filter(({ drift }) => drift !== 0)
  expect(moved.map(({ meter, drift }) => [meter, drift]).toSorted()).toEqual([
    ['conversations', 2],
    ['tokens', 1_234],
  ])
  expect(await sumsOf(tenant.id)).toEqual({ used: 1_234, daily: 1_234, events: 1_234 })
  const { meters } = await caller.tenants.usage()
  expect(meters.find(({ meter }) => meter === 'bandwidth')?.used).toBe(100)
})

test('what is tracked with its row while others migrate adds up to the table once it is quiet', async () => {
  const { installation, converse } = product
  const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
  await converse(tenant.id, [500])
  let going = true
  const conversing = async () => {
    for (let turn = 0; turn < 30; turn += 1) {
      await converse(tenant.id, [7])
      await caller.usage.track({ ...current, metric: 'tokens', amount: 7 })
    }
    going = false
  }
  const migrating = async () => {
    while (going) await migrate([tenant.id])
  }
  await Promise.all([conversing(), migrating(), migrating()])
  await migrate([tenant.id])
  expect(await sumsOf(tenant.id)).toEqual({ used: 710, daily: 710, events: 710 })
  const { tenants } = await migrate([tenant.id])
  expect(tenants).toMatchObject([{ outcome: 'unchanged' }])
})

test('a counter that lost count is put right once, however many are at it, while more is counted', async () => {
  const { installation, admin } = product
  const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
  const track = () => caller.usage.track({ ...current, metric: 'bandwidth', amount: 3 })
  await track()
  for (const damaged of [0, 5_000]) {
    await admin.query(`update tenantry.usage_counters set used = $2 where tenant_id = $1 and meter = 'bandwidth'`, [
      tenant.id,
      damaged,
    ])
    const reporting = async () => {
      for (let event = 0; event < 25; event += 1) await track()
    }
    const migrating = Array.from({ length: 6 }, () => migrate([tenant.id]))
    const [, , , , ...answers] = await Promise.all([reporting(), reporting(), reporting(), reporting(), ...migrating])
    const migrated = answers.flatMap((answer) => answer?.tenants ?? [])
    expect(migrated.flatMap(({ errors }) => errors)).toEqual([])
    const drifted = migrated.flatMap(({ meters }) => meters).filter(({ drift }) => drift !== 0)
    expect(drifted).toMatchObject([{ meter: 'bandwidth' }])
    const { used } = await sumsOf(tenant.id, 'bandwidth')
    expect(await sumsOf(tenant.id, 'bandwidth')).toEqual({ used, daily: used, events: used })
  }
  expect((await sumsOf(tenant.id, 'bandwidth')).used).toBe(3 * 201)
})

test('of two that saw the same, one counts: the other compares again', async () => {
  const { installation, converse } = product
  const { tenant, caller } = await installation.enter({ plan: 'enterprise' })
  await converse(tenant.id, [60])
  // The key of the first correction is gone, by whoever was quicker; and not for the same amount.
  const { metering } = installation.dependencies.services
  const { correctionKeyOf } = await import('./rules/correction-key.ts')
  await caller.usage.track({ ...current, metric: 'tokens', amount: 5 })
  const [item] = (await usageRows(installation, tenant.id)).events
  if (!item) throw new Error('Nothing was tracked')
  const { meter, period, occurredAt } = item
  const first = {
    ...{ tenantId: tenant.id, meter, period, span: period, isCurrent: true, id: crypto.randomUUID() },
    ...{ key: correctionKeyOf({ meter, period }, 0), amount: 55, mode: 'track' as const },
    ...{ sequence: null, day: '2026-11-21', occurredAt, properties: null },
  }
  expect((await metering.write(first)).outcome).toBe('counted')
  expect((await metering.write({ ...first, id: crypto.randomUUID() })).outcome).toBe('duplicate')
  expect((await metering.write({ ...first, id: crypto.randomUUID(), amount: 60 })).outcome).toBe('conflict')
  const { tenants } = await migrate([tenant.id])
  expect(tenants[0]?.meters).toContainEqual(expect.objectContaining({ meter: 'tokens', before: 60, drift: 0 }))
  await converse(tenant.id, [1])
  await migrate([tenant.id])
  expect((await sumsOf(tenant.id)).used).toBe(61)
})
