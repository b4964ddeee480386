import { describe, expect, test } from 'vitest'
import { createAbuseGuard } from './abuse-guard.ts'
import { createFailureBlock } from './failure-block.ts'
import { createRateLimits } from './rate-limits.ts'

const minute = 60
const person = 'user:0190a1f0-0000-7000-8000-000000000001'
const other = 'user:0190a1f0-0000-7000-8000-000000000002'

function openGuard() {
  const state = { now: Date.parse('2026-01-01T00:00:00Z') }
  const clock = { now: () => new Date(state.now) }
  const openBlock = (details: object) => createFailureBlock({ clock, ...details })
  const guard = createAbuseGuard({ clock, rateLimits: createRateLimits(), openBlock })
  return {
    guard,
    wait: (seconds: number) => {
      state.now += seconds * 1_000
    },
    /** Refused so often, each a moment after the one before, with the same end of the window. */
    async exceed(times: number, { apart = 0.1, until = 60, limit = 'read' } = {}) {
      const end = state.now + until * 1_000
      const started: boolean[] = []
      for (let call = 0; call < times; call += 1) {
        started.push(await guard.recordExcess(person, limit, Math.max(1, Math.ceil((end - state.now) / 1_000))))
        state.now += apart * 1_000
      }
      return started
    },
  }
}

describe('calls against a limit', () => {
  test('three hundred that come while the caller was told to wait block it for a minute, then two', async () => {
    const { guard, exceed, wait } = openGuard()
    await exceed(1, { apart: 5 })
    expect((await exceed(299)).filter(Boolean)).toEqual([])
    expect(guard.blockedSeconds(person)).toBe(0)
    expect(await exceed(1)).toEqual([true])
    expect([guard.blockedSeconds(person), guard.blockedSeconds(other)]).toEqual([minute, 0])
    wait(minute)
    expect(guard.blockedSeconds(person)).toBe(0)
    await exceed(1, { apart: 5 })
    expect((await exceed(300)).filter(Boolean)).toEqual([true])
    expect(guard.blockedSeconds(person)).toBe(2 * minute)
  })

  test('a thousand that were under way when the first was refused do not', async () => {
    const { guard, exceed } = openGuard()
    await exceed(1_000, { apart: 0.004 })
    expect(guard.blockedSeconds(person)).toBe(0)
  })

  test('nobody who waits as told is ever blocked, however many calls it makes at once', async () => {
    const { guard, exceed, wait } = openGuard()
    for (let window = 0; window < 50; window += 1) {
      await exceed(400, { apart: 0 })
      wait(minute)
    }
    expect(guard.blockedSeconds(person)).toBe(0)
  })

  test('a page that asks every three seconds for a whole day does not', async () => {
    const { guard, exceed } = openGuard()
    await exceed(10_000, { apart: 3, until: 86_400 })
    expect(guard.blockedSeconds(person)).toBe(0)
  })

  test('whom the limit lets in meanwhile is told anew before what it ignores counts', async () => {
    const { guard, exceed, wait } = openGuard()
    await exceed(1, { until: 14 * 3_600 })
    guard.forgetExcess(other, 'read')
    guard.forgetExcess(person, 'read')
    wait(3_600)
    await exceed(1_000, { apart: 0.004, until: 13 * 3_600 })
    expect(guard.blockedSeconds(person)).toBe(0)
    wait(5)
    expect((await exceed(300, { until: 12 * 3_600 })).filter(Boolean)).toEqual([true])
  })

  test('what one limit has told says nothing of another', async () => {
    const { guard, exceed } = openGuard()
    for (let limit = 0; limit < 400; limit += 1) await exceed(1, { limit: `limit ${limit}` })
    expect(guard.blockedSeconds(person)).toBe(0)
  })
})

describe('tenants that are not the caller’s', () => {
  const probe = async ({ guard }: ReturnType<typeof openGuard>, first: number, last: number) => {
    const started: boolean[] = []
    for (let name = first; name <= last; name += 1) started.push(await guard.recordProbe(person, `tenant-${name}`))
    return started
  }

  test('ninety in five minutes block who named them, and nobody else', async () => {
    const opened = openGuard()
    expect(await probe(opened, 1, 89)).not.toContain(true)
    expect(await probe(opened, 90, 90)).toEqual([true])
    expect([opened.guard.blockedSeconds(person), opened.guard.blockedSeconds(other)]).toEqual([minute, 0])
  })

  test('the same few do not, however often a client names them that has not heard of the end of its membership', async () => {
    const opened = openGuard()
    for (let round = 0; round < 100; round += 1) expect(await probe(opened, 1, 60)).not.toContain(true)
    expect(opened.guard.blockedSeconds(person)).toBe(0)
  })
})

test('a block is listed with its reason, and lifted alone', async () => {
  const { guard, exceed } = openGuard()
  await exceed(1, { apart: 5, until: 600 })
  await exceed(300, { until: 600 })
  for (let name = 1; name <= 90; name += 1) await guard.recordProbe(person, `tenant-${name}`)
  expect(await guard.list()).toMatchObject([
    { reason: 'limits', subject: person },
    { reason: 'probing', subject: person },
  ])
  await guard.lift('probing', person)
  expect(await guard.list()).toMatchObject([{ reason: 'limits', subject: person }])
  expect(guard.blockedSeconds(person)).toBeGreaterThan(0)
  await guard.lift('limits', person)
  expect(guard.blockedSeconds(person)).toBe(0)
})
