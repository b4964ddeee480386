import { expect, test } from 'vitest'
import { createFailureBlock } from './failure-block.ts'

const minute = 60
const hour = 60 * minute

function openBlock({ maxAddresses = 100 } = {}) {
  const state = { now: Date.parse('2026-01-01T00:00:00Z') }
  const block = createFailureBlock({ clock: { now: () => new Date(state.now) }, maxAddresses })
  return {
    block,
    wait: (seconds: number) => {
      state.now += seconds * 1000
    },
    /** What each of so many failures in a row answered. */
    fail: (address: string, times: number) => Array.from({ length: times }, () => block.recordFailure(address)),
  }
}

test('the tenth failure in five minutes starts a block of a minute', () => {
  const { block, fail, wait } = openBlock()
  expect(fail('192.0.2.1', 9)).not.toContain(true)
  expect(block.blockedSeconds('192.0.2.1')).toBe(0)
  expect(block.recordFailure('192.0.2.1')).toBe(true)
  expect(block.blockedSeconds('192.0.2.1')).toBe(minute)
  wait(minute - 1)
  expect(block.blockedSeconds('192.0.2.1')).toBe(1)
  wait(1)
  expect(block.blockedSeconds('192.0.2.1')).toBe(0)
})

test('failures further apart than five minutes do not add up', () => {
  const { fail, wait } = openBlock()
  fail('192.0.2.1', 9)
  wait(5 * minute)
  expect(fail('192.0.2.1', 9)).not.toContain(true)
})

test('any five minutes count, not those of a clock', () => {
  const { block, fail, wait } = openBlock()
  fail('192.0.2.1', 1)
  wait(4 * minute)
  fail('192.0.2.1', 8)
  wait(2 * minute)
  expect(fail('192.0.2.1', 2)).toEqual([false, true])
  expect(block.blockedSeconds('192.0.2.1')).toBe(minute)
})

test('each block is twice the one before, up to an hour', () => {
  const { block, fail, wait } = openBlock()
  const blocks = Array.from({ length: 9 }, () => {
    fail('192.0.2.1', 10)
    const seconds = block.blockedSeconds('192.0.2.1')
    wait(seconds)
    return seconds / minute
  })
  expect(blocks).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
})

test('a day without a block is forgiven', () => {
  const { block, fail, wait } = openBlock()
  fail('192.0.2.1', 10)
  wait(23 * hour)
  fail('192.0.2.1', 10)
  expect(block.blockedSeconds('192.0.2.1')).toBe(2 * minute)
  wait(24 * hour + 2 * minute + 1)
  fail('192.0.2.1', 10)
  expect(block.blockedSeconds('192.0.2.1')).toBe(minute)
})

test('failures during a block do not lengthen it', () => {
  const { block, fail, wait } = openBlock()
  fail('192.0.2.1', 10)
  wait(30)
  expect(fail('192.0.2.1', 20)).not.toContain(true)
  expect(block.blockedSeconds('192.0.2.1')).toBe(30)
  wait(30)
  expect(fail('192.0.2.1', 9)).not.toContain(true)
})

test('other addresses are not touched', () => {
  const { block, fail } = openBlock()
  fail('192.0.2.1', 10)
  expect(block.blockedSeconds('192.0.2.2')).toBe(0)
})

test('one IPv6 network is one client, however many addresses it has', () => {
  const { block } = openBlock()
  for (let host = 1; host <= 10; host++) block.recordFailure(`2001:db8:1:2::${host}`)
  expect(block.blockedSeconds('2001:db8:1:2:ffff::1')).toBe(minute)
  expect(block.blockedSeconds('2001:db8:1:3::1')).toBe(0)
})

test('an IPv4 address is the same client inside IPv6', () => {
  const { block, fail } = openBlock()
  fail('::ffff:192.0.2.1', 10)
  expect(block.blockedSeconds('192.0.2.1')).toBe(minute)
})

test('what is no address at all is counted as the text it is', () => {
  const { block, fail } = openBlock()
  fail('unix:', 10)
  expect(block.blockedSeconds('unix:')).toBe(minute)
})

test('many addresses push out the one that was quiet longest', () => {
  const { block, fail } = openBlock({ maxAddresses: 3 })
  fail('192.0.2.1', 10)
  for (const host of [2, 3, 4]) fail(`192.0.2.${host}`, 1)
  expect(block.blockedSeconds('192.0.2.1')).toBe(0)
})
