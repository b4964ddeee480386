import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createSealer, parseKeys } from './sealer.ts'

const first = { id: 'first', key: randomBytes(32) }
const second = { id: 'second', key: randomBytes(32) }

test('whatever is sealed opens again in its context', () => {
  const sealer = createSealer([first])
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
      expect(sealer.open(sealer.seal(plain, context), context)).toBe(plain)
    }),
  )
})

test('a sealed value names its format and key and shows nothing else', () => {
  const sealed = createSealer([first]).seal('sk_live_1234', 'tenant:1')
  expect(sealed).toMatch(/^v1\.first\.[A-Za-z0-9_-]+$/)
  expect(Buffer.from(sealed.split('.')[2] ?? '', 'base64url').includes('sk_live_1234')).toBe(false)
})

test('the same text never seals to the same value', () => {
  const sealer = createSealer([first])
  expect(sealer.seal('same', 'here')).not.toBe(sealer.seal('same', 'here'))
})

test('a value moved to another context does not open', () => {
  const sealer = createSealer([first])
  const sealed = sealer.seal('secret', 'tenant:1')
  expect(() => sealer.open(sealed, 'tenant:2')).toThrow('sealed for another context')
})

test('a value altered in any byte does not open', () => {
  const sealer = createSealer([first])
  const [version, id, text = ''] = sealer.seal('secret', 'here').split('.')
  const bytes = Buffer.from(text, 'base64url')
  for (const index of bytes.keys()) {
    const altered = Buffer.from(bytes)
    altered[index] = (altered[index] ?? 0) ^ 1
    expect(() => sealer.open(`${version}.${id}.${altered.toString('base64url')}`, 'here')).toThrow('altered')
  }
})

test('a new key in front seals, and the old one still opens', () => {
  const old = createSealer([first]).seal('secret', 'here')
  const rotated = createSealer([second, first])
  expect(rotated.seal('secret', 'here')).toMatch(/^v1\.second\./)
  expect(rotated.open(old, 'here')).toBe('secret')
})

test('a value sealed with a key that is gone says which', () => {
  const sealed = createSealer([first]).seal('secret', 'here')
  expect(() => createSealer([second]).open(sealed, 'here')).toThrow('the key "first"')
})

test.each(['', 'v1.first', 'v1.first.AAAA', 'v2.first.AAAA', 'plain text', 'v1.first.AAAA.BBBB'])(
  'what was never sealed is called so: %j',
  (text) => expect(() => createSealer([first]).open(text, 'here')).toThrow('This is not a sealed value.'),
)

test.each([
  [[]],
  [[first, { ...second, id: 'first' }]],
  [[{ id: 'a.b', key: first.key }]],
  [[{ id: 'short', key: Buffer.alloc(16) }]],
])('a sealer takes no keys it could not tell apart or use %#', (keys) => {
  expect(() => createSealer(keys)).toThrow(/key/)
})

describe('keys from text', () => {
  const encoded = first.key.toString('base64')

  test('are read in their order', () => {
    const keys = parseKeys(`first:${encoded}, second:${second.key.toString('base64')}`)
    expect(keys).toEqual([first, second])
  })

  test.each([
    ['', 'entry 1 is not of the form id:base64'],
    [encoded, 'entry 1 is not of the form id:base64'],
    [`ok:${encoded},:${encoded}`, 'entry 2 has an id'],
    [`ok:${encoded},bad:hunter2hunter2`, 'entry 2 is not 32 bytes in base64'],
    [`bad:${encoded.slice(0, -2)}!!`, 'entry 1 is not 32 bytes in base64'],
    [`${encoded}:swapped`, 'entry 1 has an id'],
    [`same:${encoded},same:${encoded}`, 'entry 2 has the id of entry 1'],
    ['a:b:c,nothing', 'entry 1 is not of the form id:base64; entry 2 is not of the form id:base64'],
  ])('say what is wrong with them %#', (text, message) => {
    expect(() => parseKeys(text)).toThrow(message)
  })

  test('never show in the error', () => {
    for (const text of [encoded, `${encoded}:swapped`, `id:${encoded}x`, `id:hunter2,${encoded}`]) {
      // Anchored at both ends: the message must be free of the text from its first to its last character.
      expect(() => parseKeys(text)).toThrow(
        new RegExp(`^((?!hunter2|${encoded.slice(0, 8).replaceAll('+', '\\+')}).)+$`),
      )
    }
  })
})
