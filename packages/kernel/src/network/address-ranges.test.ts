import { expect, test } from 'vitest'
import { addressRanges } from './address-ranges.ts'

test.each(['::ffff:192.0.2.0/120', '::ffff:c000:200/120', '192.0.2.0/24'])(
  'a range of IPv4 addresses holds them, in whatever dress it or they come: %s',
  (range) => {
    const holds = addressRanges([range])
    for (const address of ['192.0.2.9', '::ffff:192.0.2.9']) expect(holds(address)).toBe(true)
    for (const address of ['192.0.3.9', '::ffff:192.0.3.9', '2001:db8::1']) expect(holds(address)).toBe(false)
  },
)

test('a single address in the dress of IPv6 is the one it stands for', () => {
  expect(addressRanges(['::ffff:192.0.2.9'])('192.0.2.9')).toBe(true)
})

test('a range that would hold nothing is refused', () => {
  expect(() => addressRanges(['::ffff:0:0/90'])).toThrow('Write a range of IPv4 addresses as such')
})
