import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ContextPurpose, contextLifetimeSeconds, signContext } from './signed-context.ts'

const key = { kid: 'k1', secret: randomBytes(32) }
const purposes: ContextPurpose[] = ['tenant', 'user', 'identity', 'platform']

test('a token has four parts, lives thirty seconds at the most, and signs its purpose, key, value and expiry', () => {
  const before = Math.floor(Date.now() / 1000)
  const [kid, value, expiry, signature, ...rest] = signContext(key, 'tenant', 'acme').split('.')
  expect([kid, value, rest]).toEqual(['k1', 'acme', []])
  expect(Number(expiry) - before).toBeGreaterThanOrEqual(contextLifetimeSeconds)
  expect(Number(expiry) - Math.floor(Date.now() / 1000)).toBeLessThanOrEqual(contextLifetimeSeconds)
  expect(contextLifetimeSeconds).toBeLessThanOrEqual(30)
  expect(signature).toBe(createHmac('sha256', key.secret).update(`tenant|k1|acme|${expiry}`).digest('hex'))
})

test('one value has another signature for every purpose, key id and secret', () => {
  const keys = [key, { ...key, kid: 'k2' }, { ...key, secret: randomBytes(32) }]
  const signatures = keys.flatMap((each) => purposes.map((purpose) => signContext(each, purpose, 'acme').split('.')[3]))
  expect(new Set(signatures).size).toBe(keys.length * purposes.length)
})

test('no value makes a token that could be read in two ways, or whose signed text could stand for another', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      if (/^[\w:-]{1,200}$/.test(value)) expect(signContext(key, 'user', value).split('.')).toHaveLength(4)
      else expect(() => signContext(key, 'user', value)).toThrow('cannot carry')
    }),
  )
  for (const value of ['', '.', 'a.b', 'a|b', "a'b", 'a b', 'a\n', 'ä', 'a'.repeat(201)]) {
    expect(() => signContext(key, 'tenant', value), value).toThrow('cannot carry')
  }
})

test('the error about a value does not repeat it, for it may be a secret', () => {
  expect(() => signContext(key, 'tenant', 'my secret')).toThrow(/^(?!.*my secret)/)
})
