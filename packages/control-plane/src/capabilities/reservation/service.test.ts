import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'

const start = '2026-11-21T10:00:00Z'
const clock = createTestClock(start)
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set(start))
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const runs = { ...current, metric: 'pipeline_runs' }
const later = (seconds: number) => clock.set(new Date(clock.now().getTime() + seconds * 1_000).toISOString())
const tokensOf = { ...current, metric: 'tokens' }

test('what is reserved is nobody else’s, and what was not used of it comes back', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  const held = await caller.usage.reserve({ ...runs, amount: 15 })
  expect(held).toMatchObject({ outcome: 'accepted', amount: 15, held: 15, used: 0, remaining: 5 })
  expect(await caller.usage.check({ ...runs, amount: 6 })).toMatchObject({ allowed: false, held: 15, remaining: 5 })
  await expect(caller.usage.consume({ ...runs, amount: 6 })).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  await expect(caller.usage.reserve({ ...runs, amount: 6 })).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  await caller.usage.consume({ ...runs, amount: 5 })
  const settled = await caller.usage.commit({ ...current, reservationId: held.id, amount: 9 })
  expect(settled).toMatchObject({ outcome: 'accepted', settledAs: 'committed', reserved: 15, amount: 9, used: 14 })
  expect(await caller.usage.check(runs)).toMatchObject({ held: 0, used: 14, remaining: 6 })
})

test('a reservation is shown as it stands: held, expired, committed or released', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const given = { amount: 15, ttlSeconds: 60, idempotencyKey: 'call-7', properties: { model: 'small' } }
  const { id } = await caller.usage.reserve({ ...runs, ...given })
  const viewer = installation.callerAs(await installation.createMember(tenant.id, 'viewer'), tenant.id)
  const shown = (reservationId: string) => viewer.usage.reservation({ ...current, reservationId })
  const { ttlSeconds: _, ...kept } = given
  const standing = { id, metric: 'pipeline_runs', ...kept, reservedAt: '2026-11-21T10:00:00.000Z' }
  const until = { expiresAt: '2026-11-21T10:01:00.000Z' }
  expect(await shown(id)).toEqual({ ...standing, ...until, state: 'held', committed: null, settledAt: null })
  later(60)
  expect(await shown(id)).toMatchObject({ state: 'expired', committed: null, settledAt: null })
  await caller.usage.commit({ ...current, reservationId: id, amount: 9 })
  const settledAt = '2026-11-21T10:01:00.000Z'
  expect(await shown(id)).toMatchObject({ state: 'committed', committed: 9, settledAt })
  const { id: other } = await caller.usage.reserve({ ...runs, amount: 2 })
  await caller.usage.release({ ...current, reservationId: other })
  expect(await shown(other)).toMatchObject({ state: 'released', amount: 2, committed: null, properties: null })
  const { caller: elsewhere } = await installation.enter()
  const asked = elsewhere.usage.reservation({ ...current, reservationId: id })
  await expect(asked).rejects.toMatchObject({ code: 'reservation.not_found' })
})

test('what is held is not told as left, and a refusal by it says when the first of it expires', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  await caller.usage.reserve({ ...runs, amount: 5, ttlSeconds: 60 })
  const { id } = await caller.usage.reserve({ ...runs, amount: 10, ttlSeconds: 600 })
  expect(await caller.usage.consume({ ...runs, amount: 2 })).toMatchObject({ used: 2, remaining: 3 })
  expect(await caller.usage.track({ ...runs, amount: 1 })).toMatchObject({ used: 3, remaining: 2 })
  const standing = { meter: 'pipeline_runs', limit: 20, used: 3, held: 15 }
  const inTheWay = { ...standing, resetsAt: '2026-11-21T10:01:00.000Z', retryAfterSeconds: 60 }
  for (const ask of [caller.usage.consume, caller.usage.reserve]) {
    await expect(ask({ ...runs, amount: 3 })).rejects.toMatchObject({
      details: inTheWay,
      message: '3 more of pipeline_runs would be above the limit of 20; 15 are reserved.',
    })
    // Not even without what is held.
    await expect(ask({ ...runs, amount: 18 })).rejects.toMatchObject({
      details: { ...standing, resetsAt: '2026-12-01T00:00:00.000Z' },
    })
  }
  await caller.usage.consume({ ...runs, amount: 2 })
  await expect(caller.runs.start({ ...current, workload: 'nightly' })).rejects.toMatchObject({
    details: { ...inTheWay, used: 5 },
  })
  later(60)
  expect(await caller.usage.commit({ ...current, reservationId: id, amount: 4 })).toMatchObject({
    used: 9,
    remaining: 11,
  })
  const { id: other } = await caller.usage.reserve({ ...runs, amount: 6 })
  await caller.usage.reserve({ ...runs, amount: 2 })
  expect(await caller.usage.release({ ...current, reservationId: other })).toMatchObject({ used: 9, remaining: 9 })
})

test('what is given back leaves no trace in what was used', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const { id } = await caller.usage.reserve({ ...runs, amount: 20 })
  const released = { settledAs: 'released', amount: 0, used: 0, remaining: 20 }
  const release = () => caller.usage.release({ ...current, reservationId: id })
  expect(await release()).toMatchObject({ outcome: 'accepted', ...released })
  expect(await release()).toMatchObject({ outcome: 'duplicate', ...released })
  await expect(caller.usage.commit({ ...current, reservationId: id })).rejects.toMatchObject({
    code: 'reservation.already_settled',
  })
  expect((await usageRows(installation, tenant.id)).events).toEqual([])
  expect(await caller.usage.consume({ ...runs, amount: 20 })).toMatchObject({ used: 20 })
})

test('one that expired holds nothing from that instant on, without a job, and is counted all the same when it is told', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  const { id } = await caller.usage.reserve({ ...runs, amount: 20, ttlSeconds: 30 })
  later(29.999)
  await expect(caller.usage.consume(runs)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  later(0.001)
  expect(await caller.usage.check(runs)).toMatchObject({ allowed: true, held: 0 })
  await caller.usage.consume({ ...runs, amount: 20 })
  expect(await caller.usage.commit({ ...current, reservationId: id, amount: 3 })).toMatchObject({
    used: 23,
    remaining: 0,
  })
})

test('the same commit counts once, and another amount is refused', async () => {
  const { tenant, caller } = await installation.enter()
  const { id } = await caller.usage.reserve({ ...tokensOf, amount: 500, properties: { model: 'small' } })
  const commit = (amount?: number) => caller.usage.commit({ ...current, reservationId: id, amount })
  const answers = await Promise.all([commit(), commit(), commit(500)])
  expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(['accepted', 'duplicate', 'duplicate'])
  await expect(commit(499)).rejects.toMatchObject({ code: 'reservation.already_settled' })
  await expect(caller.usage.release({ ...current, reservationId: id })).rejects.toMatchObject({
    code: 'reservation.already_settled',
  })
  const { counters, daily, events } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([{ used: 500 }])
  expect(daily).toMatchObject([{ used: 500, events: 1 }])
  expect(events).toMatchObject([{ amount: 500, properties: { model: 'small' } }])
  expect((await caller.usage.events(current)).items).toMatchObject([{ idempotencyKey: null, voids: null }])
})

test('a repeated key answers the same reservation, and not one of another amount', async () => {
  const { caller } = await installation.enter()
  const ask = (amount: number) => caller.usage.reserve({ ...tokensOf, amount, idempotencyKey: 'call-7' })
  const answers = await Promise.all([ask(10), ask(10), ask(10)])
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
  expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual(['accepted', 'duplicate', 'duplicate'])
  expect(answers.at(-1)).toMatchObject({ held: 10 })
  await expect(ask(11)).rejects.toMatchObject({ code: 'usage.idempotency_conflict' })
})

test('one that was released or has expired leaves its key to the next, and one that was committed does not', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  const ask = (amount = 10) => caller.usage.reserve({ ...runs, amount, ttlSeconds: 30, idempotencyKey: 'call-7' })
  const first = await ask()
  await caller.usage.release({ ...current, reservationId: first.id })
  const second = await ask(12)
  expect(second).toMatchObject({ outcome: 'accepted', held: 12 })
  expect(await ask(12)).toMatchObject({ outcome: 'duplicate', id: second.id, held: 12 })
  later(30)
  const third = await ask()
  expect(third).toMatchObject({ outcome: 'accepted', held: 10 })
  expect(new Set([first.id, second.id, third.id]).size).toBe(3)
  // What it held is counted by its id all the same.
  await caller.usage.commit({ ...current, reservationId: second.id, amount: 1 })
  await caller.usage.commit({ ...current, reservationId: third.id, amount: 4 })
  await expect(ask()).rejects.toMatchObject({ code: 'reservation.already_settled' })
  await expect(ask(9)).rejects.toMatchObject({ code: 'usage.idempotency_conflict' })
  expect(await caller.usage.check(runs)).toMatchObject({ used: 5, held: 0 })
  // Keys of events are others.
  expect(await caller.usage.consume({ ...runs, idempotencyKey: 'call-7' })).toMatchObject({ outcome: 'accepted' })
})

test('it counts in the period in which it was reserved, however late it is committed', async () => {
  const { tenant, caller } = await installation.enter()
  clock.set('2026-11-30T23:59:50Z')
  const { id } = await caller.usage.reserve({ ...tokensOf, amount: 500 })
  clock.set('2026-12-01T00:00:10Z')
  expect(await caller.usage.check(tokensOf)).toMatchObject({ held: 0, used: 0 })
  expect(await caller.usage.commit({ ...current, reservationId: id, amount: 400 })).toMatchObject({
    used: 400,
    resetsAt: '2026-12-01T00:00:00.000Z',
  })
  const { counters, daily } = await usageRows(installation, tenant.id)
  expect(counters).toMatchObject([{ period: '2026-11-01', used: 400 }])
  expect(daily).toMatchObject([{ day: '2026-11-30', used: 400 }])
})

test('what a commit brings past a threshold is told as of any event', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const { id } = await caller.usage.reserve({ ...tokensOf, amount: 85_000 })
  await caller.usage.commit({ ...current, reservationId: id })
  await installation.dependencies.services.metering.told(tenant.id)
  const { items } = await caller.events.list(current)
  const told = items.map(({ event }) => event).filter(({ type }) => type === 'usage.threshold_reached')
  expect(told).toMatchObject([{ meter: 'tokens', thresholdPercent: 80, used: 85_000 }])
})

test('the end of grace is told once, by the first that is not let in after it', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const thresholds = async () => {
    await installation.dependencies.services.metering.told(tenant.id)
    const { items } = await caller.events.list(current)
    return items.flatMap(({ event }) => (event.type === 'usage.threshold_reached' ? event.thresholdPercent : []))
  }
  const refused = { code: 'usage.limit_exceeded' }
  await caller.usage.track({ ...tokensOf, amount: 105_000 })
  await expect(caller.usage.reserve({ ...tokensOf, amount: 5_001 })).rejects.toMatchObject(refused)
  expect(await thresholds()).toEqual([100, 90, 80])
  later(7 * 86_400)
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await expect(caller.usage.reserve({ ...tokensOf, amount: 1 })).rejects.toMatchObject(refused)
    expect(await thresholds()).toEqual([null, 100, 90, 80])
  }
})

test('what waits on one meter is bounded', async () => {
  const { caller } = await installation.enter({ plan: 'enterprise' })
  const reserve = () => caller.usage.reserve({ ...tokensOf, amount: 1 })
  for (let made = 0; made < 1_000; made += 50) await Promise.all(Array.from({ length: 50 }, reserve))
  await expect(reserve()).rejects.toMatchObject({ code: 'reservation.too_many' })
  later(300)
  expect(await reserve()).toMatchObject({ held: 1 })
})

test('used and held never pass the limit, whatever is reserved, settled and consumed at once', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('reserve' as const), amount: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ do: fc.constant('consume' as const), amount: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ do: fc.constant('commit' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ do: fc.constant('release' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const { tenant, caller } = await installation.enter({ plan: 'free' })
      const open: { id: string; amount: number }[] = []
      for (let next = 0; next < steps.length; next += 6) {
        const settled = await Promise.allSettled(
          steps.slice(next, next + 6).map(async (wanted) => {
            if (wanted.do === 'consume') return caller.usage.consume({ ...runs, amount: wanted.amount })
            if (wanted.do === 'reserve') {
              const { id } = await caller.usage.reserve({ ...runs, amount: wanted.amount })
              return open.push({ id, amount: wanted.amount })
            }
            const one = open.shift()
            if (!one) return null
            const reservation = { ...current, reservationId: one.id }
            if (wanted.do === 'release') return caller.usage.release(reservation)
            return caller.usage.commit({ ...reservation, amount: Math.floor(one.amount * wanted.share) })
          }),
        )
        const faults = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
        expect(faults.filter((code) => code !== 'usage.limit_exceeded')).toEqual([])
        const { used, held } = await caller.usage.check(runs)
        expect(used + held).toBeLessThanOrEqual(20)
        expect(held).toBe(open.reduce((sum, { amount }) => sum + amount, 0))
      }
      const { counters, events } = await usageRows(installation, tenant.id)
      expect(counters[0]?.used ?? 0).toBe(events.reduce((sum, { amount }) => sum + amount, 0))
    }),
    { numRuns: 12 },
  )
})
