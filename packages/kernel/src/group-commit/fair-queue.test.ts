import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createFairQueue } from './fair-queue.ts'

function queueOf(counts: Record<string, number>) {
  const queue = createFairQueue<string>()
  for (const [tenantId, count] of Object.entries(counts))
    for (let index = 0; index < count; index += 1) queue.add(tenantId, `${tenantId}${index}`)
  return queue
}

test('a tenant with much to count leaves room for those with little', () => {
  const queue = queueOf({ a: 1_000, b: 2, c: 1 })
  const taken = queue.take(10)
  expect(taken).toHaveLength(10)
  expect(taken).toEqual(expect.arrayContaining(['b0', 'b1', 'c0']))
  expect(taken.filter((item) => item.startsWith('a'))).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6'])
  expect([queue.size, queue.sizeOf('a'), queue.sizeOf('b')]).toEqual([993, 993, 0])
})

test('nothing is lost, doubled or overtaken by what came later from the same tenant', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: 1, max: 7 }), (tenants, most) => {
      const queue = createFairQueue<{ tenant: number; n: number }>()
      for (const [n, tenant] of tenants.entries()) queue.add(String(tenant), { tenant, n })
      const taken: { tenant: number; n: number }[] = []
      while (queue.size > 0) {
        const batch = queue.take(most)
        expect(batch.length).toBeGreaterThan(0)
        expect(batch.length).toBeLessThanOrEqual(most)
        taken.push(...batch)
      }
      expect(taken.map(({ n }) => n).sort((a, b) => a - b)).toEqual(tenants.map((_, n) => n))
      for (const tenant of new Set(tenants)) {
        const own = taken.filter((item) => item.tenant === tenant).map(({ n }) => n)
        expect(own).toEqual([...own].sort((a, b) => a - b))
      }
    }),
  )
})
