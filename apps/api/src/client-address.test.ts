import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { addressRanges } from '@tenantry/kernel/network/address-ranges'
import { describe, expect, test } from 'vitest'
import { clientAddress } from './client-address.ts'

function seenFrom(peer: string | undefined, forwarded?: string): IncomingMessage {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: peer })
  const request = new IncomingMessage(socket)
  if (forwarded !== undefined) request.headers['x-forwarded-for'] = forwarded
  return request
}

const proxies = addressRanges(['10.0.0.0/8', '192.0.2.1', '2001:db8:aaaa::/48'])
const address = (peer: string | undefined, forwarded?: string) => clientAddress(seenFrom(peer, forwarded), proxies)

describe('X-Forwarded-For', () => {
  test('counts for nothing where no proxy is trusted', () => {
    expect(clientAddress(seenFrom('203.0.113.7', '198.51.100.1'), addressRanges([]))).toBe('203.0.113.7')
    expect(clientAddress(seenFrom('127.0.0.1', '198.51.100.1'), addressRanges([]))).toBe('127.0.0.1')
  })

  test('counts for nothing from a peer that is no trusted proxy', () => {
    expect(address('203.0.113.7', '198.51.100.1')).toBe('203.0.113.7')
    expect(address('192.0.2.2', '10.0.0.1, 198.51.100.1')).toBe('192.0.2.2')
  })

  test.each([
    ['10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['192.0.2.1', '198.51.100.1', '198.51.100.1'],
    ['2001:db8:aaaa::9', '2001:db8:bbbb::1', '2001:db8:bbbb::1'],
  ])('of the trusted proxy %s names the client: %s', (peer, forwarded, client) => {
    expect(address(peer, forwarded)).toBe(client)
  })

  test('is walked from the nearest proxy to the first that is not trusted, so that a forged start is not believed', () => {
    expect(address('10.0.0.1', '198.51.100.1, 10.0.0.3, 10.0.0.2')).toBe('198.51.100.1')
    expect(address('10.0.0.1', '1.1.1.1, 10.9.9.9, 203.0.113.7, 10.0.0.2')).toBe('203.0.113.7')
  })

  test('that names trusted proxies only ends at the farthest', () => {
    expect(address('10.0.0.1', '10.0.0.3, 10.0.0.2')).toBe('10.0.0.3')
  })

  test.each(['unknown', '', '203.0.113', '_hidden', '203.0.113.7 198.51.100.1', 'for=203.0.113.7'])(
    'hides everything before an entry that cannot be read: "%s"',
    (entry) => {
      expect(address('10.0.0.1', `1.1.1.1, ${entry}`)).toBe('10.0.0.1')
      expect(address('10.0.0.1', `1.1.1.1, ${entry}, 10.0.0.2`)).toBe('10.0.0.2')
    },
  )

  test('may carry ports and brackets', () => {
    expect(address('10.0.0.1', '203.0.113.7:4711')).toBe('203.0.113.7')
    expect(address('10.0.0.1', '[2001:db8:bbbb::1]:4711')).toBe('2001:db8:bbbb::1')
    expect(address('10.0.0.1', '203.0.113.7, 10.0.0.2:443')).toBe('203.0.113.7')
  })
})

test('an IPv4 address is the same through a dual-stack socket', () => {
  expect(address('::ffff:203.0.113.7')).toBe('203.0.113.7')
  expect(address('::ffff:10.0.0.1', '::ffff:203.0.113.7')).toBe('203.0.113.7')
})

test('a connection that is gone already has no address', () => {
  expect(address(undefined, '203.0.113.7')).toBeNull()
})

test.each([['10.0.0.0/33'], ['10/8'], ['10'], ['localhost'], ['10.0.0.1/'], ['']])(
  '"%s" is no trusted proxy, and is named by its place',
  (entry) => {
    expect(() => addressRanges(['10.0.0.1', entry])).toThrow('Entry 2 is neither an address nor a CIDR.')
  },
)
