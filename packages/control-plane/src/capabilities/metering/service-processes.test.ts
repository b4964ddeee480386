import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { saveLimitOverrides } from '../limit/index.ts'
import { UsageAlert, UsageCounter, UsageDaily, UsageEvent } from './entity.ts'
import { itemOf, startWriter, type Writer } from './writers.fixture.ts'

const processes = 6
const runs = inject('soak') ? 100 : 4

let installation: TestInstallation
let writers: Writer[]
beforeAll(async () => {
  installation = await openTestInstallation()
  writers = await Promise.all(Array.from({ length: processes }, () => startWriter(installation.testDatabase)))
})
afterAll(async () => {
  await Promise.all(writers.map((writer) => writer.close()))
  await installation.close()
})

/** A tenant with a limit of its own, which has no grace. */
async function createLimited(limit: number): Promise<string> {
  const { id: tenantId } = await installation.createTenant({ plan: 'free' })
  await installation.database.tenantUnit({ tenantId, actor: operator, readOnly: false }, (em) =>
    saveLimitOverrides(em, [{ meter: 'tokens', value: limit, reason: null, expiresAt: null, createdAt: new Date() }]),
  )
  return tenantId
}

const ledgerOf = (tenantId: string) =>
  installation.database.platformUnit({ actor: operator, readOnly: true }, async (em) => ({
    counters: await em.find(UsageCounter, { tenantId }),
    daily: await em.find(UsageDaily, { tenantId }),
    events: await em.find(UsageEvent, { tenantId }),
    alerts: await em.find(UsageAlert, { tenantId }),
  }))

const sum = (amounts: number[]) => amounts.reduce((total, amount) => total + amount, 0)

const sent = fc.record({
  tenant: fc.integer({ min: 0, max: 2 }),
  amount: fc.integer({ min: 1, max: 7 }),
  key: fc.option(fc.integer({ min: 0, max: 150 })),
})

test('six processes count to the last unit: no key twice, nothing above the limit, each threshold once', {
  timeout: 60_000 + runs * 3_000,
  tags: 'soak',
}, async () => {
  const orders = fc.array(fc.array(sent, { minLength: 40, maxLength: 120 }), {
    minLength: processes,
    maxLength: processes,
  })
  const exact = fc.asyncProperty(orders, fc.integer({ min: 50, max: 900 }), async (byProcess, limit) => {
    const tenants = await Promise.all([0, 1, 2].map(() => createLimited(limit)))
    const items = byProcess.map((order) =>
      order.map(({ tenant, amount, key }) =>
        itemOf({
          tenantId: tenants[tenant] as string,
          // What has the same key is the same event, so that whoever is second is told so.
          amount: key === null ? amount : (key % 7) + 1,
          key: key === null ? null : `key-${key}`,
        }),
      ),
    )
    const outcomes = await Promise.all(writers.map((writer, place) => writer.write(items[place] ?? [])))
    for (const tenantId of tenants) {
      const own = items.flatMap((order, place) =>
        order.flatMap((item, index) =>
          item.tenantId === tenantId ? [{ item, outcome: outcomes[place]?.[index] }] : [],
        ),
      )
      expect(['counted', 'duplicate', 'over_limit']).toEqual(
        expect.arrayContaining([...new Set(own.map(({ outcome }) => outcome))]),
      )
      const counted = own.filter(({ outcome }) => outcome === 'counted').map(({ item }) => item)
      const used = sum(counted.map(({ amount }) => amount))
      const { counters, daily, events, alerts } = await ledgerOf(tenantId)
      expect(events.map(({ id }) => id).toSorted()).toEqual(counted.map(({ id }) => id).toSorted())
      const keys = events.flatMap(({ idempotencyKey }) => idempotencyKey ?? [])
      expect(new Set(keys).size).toBe(keys.length)
      expect([counters.map((row) => row.used), daily.map((row) => [row.used, row.events])]).toEqual(
        counted.length === 0 ? [[], []] : [[used], [[used, counted.length]]],
      )
      expect(used).toBeLessThanOrEqual(limit)
      const refused = own.filter(({ outcome }) => outcome === 'over_limit')
      for (const { item } of refused) expect(used + item.amount).toBeGreaterThan(limit)
      const reached = [80, 90, 100].filter((percent) => used * 100 >= percent * limit)
      expect(alerts.map(({ percent }) => percent).toSorted()).toEqual(
        (used >= limit ? [0, ...reached] : reached).toSorted(),
      )
    }
  })
  await fc.assert(exact, { numRuns: runs })
})

test('what a process answered before it was killed is there, and what it did not is counted once when it is sent again', async () => {
  const tenantId = await createLimited(1_000_000)
  const items = Array.from({ length: 2_000 }, (_, n) => itemOf({ tenantId, amount: 1, key: `event-${n}` }))
  const doomed = await startWriter(installation.testDatabase)
  const answered = doomed.write(items)
  await doomed.reported(300)
  doomed.kill()
  const before = await answered
  const known = items.filter((_, index) => before[index] === 'counted')
  expect(known.length).toBeGreaterThanOrEqual(300)

  const { events } = await ledgerOf(tenantId)
  const kept = new Set(events.map(({ id }) => id))
  expect(known.filter(({ id }) => !kept.has(id))).toEqual([])

  const again = await writers[0]?.write(items)
  expect(again?.filter((outcome) => outcome !== 'duplicate' && outcome !== 'counted')).toEqual([])
  const after = await ledgerOf(tenantId)
  expect(after.counters.map(({ used }) => used)).toEqual([2_000])
  expect(after.events).toHaveLength(2_000)
})
