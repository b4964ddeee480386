import { expect, test } from 'vitest'
import type { Clock } from '../context/clock.ts'
import type { FailureBlock } from '../context/dependencies.ts'

const minute = 60
const hour = 60 * minute
const address = '192.0.2.1'

/** What every implementation promises; `open` answers a block that knows no address. */
export function testFailureBlock(open: (clock: Clock) => Promise<FailureBlock>): void {
  async function openBlock() {
    const state = { now: Date.parse('2026-01-01T00:00:00Z') }
    const block = await open({ now: () => new Date(state.now) })
    return {
      block,
      wait: (seconds: number) => {
        state.now += seconds * 1000
      },
      /** What each of so many failures at once answered. */
      fail: (times: number) => Promise.all(Array.from({ length: times }, () => block.recordFailure(address))),
    }
  }

  test('the tenth failure in five minutes starts a block of a minute', async () => {
    const { block, fail, wait } = await openBlock()
    expect(await fail(9)).not.toContain(true)
    expect(block.blockedSeconds(address)).toBe(0)
    expect(await block.recordFailure(address)).toBe(true)
    expect(block.blockedSeconds(address)).toBe(minute)
    wait(minute - 1)
    expect(block.blockedSeconds(address)).toBe(1)
    wait(1)
    expect(block.blockedSeconds(address)).toBe(0)
  })

  test('of many failures at once, one starts the block', async () => {
    const { fail } = await openBlock()
    expect((await fail(40)).filter((started) => started)).toHaveLength(1)
  })

  test('failures further apart than five minutes do not add up', async () => {
    const { fail, wait } = await openBlock()
    await fail(9)
    wait(5 * minute)
    expect(await fail(9)).not.toContain(true)
  })

  test('any five minutes count, not those of a clock', async () => {
    const { block, fail, wait } = await openBlock()
    await fail(1)
    wait(4 * minute)
    await fail(8)
    wait(2 * minute)
    expect(await fail(2)).toEqual([false, true])
    expect(block.blockedSeconds(address)).toBe(minute)
  })

  test('each block is twice the one before, up to an hour', async () => {
    const { block, fail, wait } = await openBlock()
    const blocks: number[] = []
    for (let run = 0; run < 9; run++) {
      await fail(10)
      const seconds = block.blockedSeconds(address)
      wait(seconds)
      blocks.push(seconds / minute)
    }
    expect(blocks).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
  })

  test('a day without a block is forgiven', async () => {
    const { block, fail, wait } = await openBlock()
    await fail(10)
    wait(23 * hour)
    await fail(10)
    expect(block.blockedSeconds(address)).toBe(2 * minute)
    wait(24 * hour + 2 * minute + 1)
    await fail(10)
    expect(block.blockedSeconds(address)).toBe(minute)
  })

  test('failures during a block do not lengthen it', async () => {
    const { block, fail, wait } = await openBlock()
    await fail(10)
    wait(30)
    expect(await fail(20)).not.toContain(true)
    expect(block.blockedSeconds(address)).toBe(30)
    wait(30)
    expect(await fail(9)).not.toContain(true)
  })

  test('a block is listed while it goes on, and lifted with what led to it', async () => {
    const { block, fail, wait } = await openBlock()
    await fail(10)
    const since = new Date('2026-01-01T00:00:00Z')
    expect(await block.list()).toEqual([{ subject: address, since, until: new Date('2026-01-01T00:01:00Z') }])
    wait(minute)
    expect(await block.list()).toEqual([])
    await fail(10)
    expect(block.blockedSeconds(address)).toBe(2 * minute)
    await block.lift(address)
    expect([block.blockedSeconds(address), await block.list()]).toEqual([0, []])
    expect(await fail(9)).not.toContain(true)
    expect(await block.recordFailure(address)).toBe(true)
    expect(block.blockedSeconds(address)).toBe(minute)
  })

  test('other addresses are not touched', async () => {
    const { block, fail } = await openBlock()
    await fail(10)
    expect(block.blockedSeconds('192.0.2.2')).toBe(0)
  })

  test('one IPv6 network is one client, however many addresses it has', async () => {
    const { block } = await openBlock()
    for (let host = 1; host <= 10; host++) await block.recordFailure(`2001:db8:1:2::${host}`)
    expect(block.blockedSeconds('2001:db8:1:2:ffff::1')).toBe(minute)
    expect(block.blockedSeconds('2001:db8:1:3::1')).toBe(0)
  })

  test('an IPv4 address is the same client inside IPv6', async () => {
    const { block } = await openBlock()
    for (let failure = 0; failure < 10; failure++) await block.recordFailure('::ffff:192.0.2.1')
    expect(block.blockedSeconds('192.0.2.1')).toBe(minute)
  })

  test('what is no address at all is counted as the text it is', async () => {
    const { block } = await openBlock()
    for (let failure = 0; failure < 10; failure++) await block.recordFailure('unix:')
    expect(block.blockedSeconds('unix:')).toBe(minute)
  })
}
