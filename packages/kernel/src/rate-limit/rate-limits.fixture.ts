import { expect, test } from 'vitest'
import type { RateLimits } from '../context/dependencies.ts'

export interface LimitsUnderTest {
  limits: RateLimits
  wait(milliseconds: number): Promise<void>
}

const hundred = { points: 100, windowSeconds: 60 }
const two = { points: 2, windowSeconds: 60 }

/** What every implementation promises; `open` answers limits that nothing was counted in. */
export function testRateLimits(open: () => Promise<LimitsUnderTest>): void {
  test('of many concurrent calls exactly the budget is let through', async () => {
    const { limits } = await open()
    const decisions = await Promise.all(Array.from({ length: 250 }, () => limits.consume('read', 'a', hundred)))
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(100)
    expect((await limits.consume('read', 'a', hundred)).allowed).toBe(false)
  })

  test('a decision says what remains and when the window starts anew', async () => {
    const { limits, wait } = await open()
    const first = await limits.consume('read', 'a', two)
    expect(first).toMatchObject({ allowed: true, budget: two, remaining: 1, resetSeconds: 60 })
    await wait(18_500)
    expect(await limits.consume('read', 'a', two)).toMatchObject({ allowed: true, remaining: 0, resetSeconds: 42 })
    expect(await limits.consume('read', 'a', two)).toMatchObject({ allowed: false, remaining: 0, resetSeconds: 42 })
  })

  test('a window starts with the first call and ends on time, however often a caller was refused', async () => {
    const { limits, wait } = await open()
    for (let call = 0; call < 30; call++) {
      await limits.consume('read', 'a', two)
      await wait(1_900)
    }
    expect((await limits.consume('read', 'a', two)).allowed).toBe(false)
    await wait(3_000)
    expect(await limits.consume('read', 'a', two)).toMatchObject({ allowed: true, remaining: 1, resetSeconds: 60 })
  })

  test('keys and classes have budgets of their own', async () => {
    const { limits } = await open()
    await limits.consume('read', 'a', two)
    await limits.consume('read', 'a', two)
    expect((await limits.consume('read', 'b', two)).remaining).toBe(1)
    expect((await limits.consume('write', 'a', two)).remaining).toBe(1)
  })

  test('a raised budget counts what was used, and none of what was refused', async () => {
    const { limits } = await open()
    for (let call = 0; call < 150; call++) await limits.consume('read', 'a', hundred)
    const raised = { points: 200, windowSeconds: 60 }
    expect(await limits.consume('read', 'a', raised)).toMatchObject({ allowed: true, budget: raised, remaining: 99 })
  })

  test('a lowered budget does not start the count anew', async () => {
    const { limits } = await open()
    for (let call = 0; call < 3; call++) await limits.consume('read', 'a', hundred)
    expect((await limits.consume('read', 'a', two)).allowed).toBe(false)
  })

  test('a refund makes room for exactly one more call', async () => {
    const { limits } = await open()
    const { window } = await limits.consume('read', 'a', two)
    await limits.consume('read', 'a', two)
    await limits.refund('read', 'a', window)
    const decisions = await Promise.all([limits.consume('read', 'a', two), limits.consume('read', 'a', two)])
    expect(decisions.map(({ allowed }) => allowed)).toEqual([true, false])
  })

  test('a refund never gives more than the budget', async () => {
    const { limits } = await open()
    const { window } = await limits.consume('read', 'a', two)
    for (let time = 0; time < 3; time++) await limits.refund('read', 'a', window)
    expect((await limits.consume('read', 'a', two)).remaining).toBe(1)
  })

  test('a refund never reaches the window after that of its call, whether that has begun or not', async () => {
    const { limits, wait } = await open()
    const { window } = await limits.consume('read', 'a', two)
    await wait(60_000)
    await limits.refund('read', 'a', window)
    const next = await limits.consume('read', 'a', two)
    expect(next.remaining).toBe(1)
    await limits.refund('read', 'a', window)
    expect((await limits.consume('read', 'a', two)).remaining).toBe(0)
    await limits.refund('read', 'a', next.window)
    expect((await limits.consume('read', 'a', two)).allowed).toBe(true)
  })

  test('a budget of nothing refuses everything', async () => {
    const { limits } = await open()
    const decision = await limits.consume('write', 'a', { points: 0, windowSeconds: 60 })
    expect(decision).toMatchObject({ allowed: false, remaining: 0, resetSeconds: 60 })
  })
}
