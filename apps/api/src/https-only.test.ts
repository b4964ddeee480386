import type { IncomingMessage } from 'node:http'
import { addressRanges } from '@tenantry/kernel/network/address-ranges'
import { describe, expect, test } from 'vitest'
import { cameByHttps } from './https-only.ts'

const trusted = addressRanges(['10.0.0.0/8'])
const request = (headers: IncomingMessage['headers'], remoteAddress = '10.0.0.1') =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage

describe('a trusted proxy vouches for https', () => {
  test.each([
    [{ 'x-forwarded-proto': 'https' }],
    [{ 'x-forwarded-proto': 'HTTPS, https' }],
    [{ forwarded: 'for=192.0.2.7;proto=https;by=10.0.0.1' }],
    [{ forwarded: 'for="[2001:db8::7]:4711";Proto="https", for="_a\\"b,c;proto=http"; proto=https' }],
    [{ forwarded: 'for=192.0.2.7, for=10.0.0.2;proto=https' }],
    [{ 'x-forwarded-proto': 'https', forwarded: 'proto=https' }],
  ])('%j', (headers) => {
    expect(cameByHttps(request(headers), trusted)).toBe(true)
    expect(cameByHttps(request(headers, '::ffff:10.0.0.1'), trusted)).toBe(true)
    expect(cameByHttps(request(headers, '192.0.2.1'), trusted)).toBe(false)
    expect(cameByHttps(request(headers), addressRanges([]))).toBe(false)
  })
})

describe('it does not where it says nothing, something else, or passes on what a client made up', () => {
  test.each([
    [{}],
    [{ 'x-forwarded-proto': '' }],
    [{ 'x-forwarded-proto': 'http' }],
    [{ forwarded: 'proto=https, for=192.0.2.7' }],
    [{ 'x-forwarded-proto': 'https, http' }],
    [{ 'x-forwarded-proto': 'http, https' }],
    [{ 'x-forwarded-proto': 'wss' }],
    [{ forwarded: 'for=192.0.2.7' }],
    [{ forwarded: 'for="x;proto=https"' }],
    [{ forwarded: 'proto=https, for=192.0.2.7;proto=http' }],
    [{ forwarded: 'proto=https;for="open, for=192.0.2.7;proto=http' }],
    [{ 'x-forwarded-proto': 'https', forwarded: 'proto=http' }],
    [{ 'x-forwarded-proto': 'http', forwarded: 'proto=https' }],
    [{ 'x-forwarded-scheme': 'https', 'x-forwarded-ssl': 'on' }],
  ])('%j', (headers) => {
    expect(cameByHttps(request(headers), trusted)).toBe(false)
  })
})
