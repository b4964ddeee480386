import { randomBytes, randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createApiKeyTexts } from './api-key-text.ts'

const newKey = (id: string) => ({ id, key: randomBytes(32) })
const first = newKey('first')
const texts = createApiKeyTexts('test', [first])
const checked = (body: string) => `${body}_${crc32(body).toString(16).padStart(8, '0')}`

test('a key that was made is read: its id, and the digest that was stored', () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      const { text, digest } = texts.make(id)
      expect(text).toMatch(/^tk_test_[0-9a-f]{32}_[0-9a-f]{64}_[0-9a-f]{8}$/)
      expect(texts.read(text)).toEqual({ id, digest })
    }),
  )
})

test('two keys of one id share neither secret nor digest, and no digest shows a secret', () => {
  const id = randomUUID()
  const [one, other] = [texts.make(id), texts.make(id)]
  expect(one.text).not.toBe(other.text)
  expect(one.digest).not.toBe(other.digest)
  expect(one.digest).toMatch(/^[0-9a-f]{64}$/)
  expect(one.text).not.toContain(one.digest)
})

test('a key with any one character changed, dropped or added is malformed', () => {
  const { text } = texts.make(randomUUID())
  for (const [place, character] of [...text].entries()) {
    const [before, after] = [text.slice(0, place), text.slice(place + 1)]
    for (const other of [character === '0' ? '1' : '0', '', `${character}0`, character.toUpperCase()]) {
      if (other !== character) expect(texts.read(`${before}${other}${after}`)).toBe('malformed')
    }
  }
})

test('whatever else is no key is malformed, and breaks nothing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 5_000 })), (text) => {
      expect(texts.read(text)).toBe('malformed')
      expect(texts.read(`tk_test_${text}`)).toBe('malformed')
    }),
  )
  expect(texts.read(`${texts.make(randomUUID()).text}\n`)).toBe('malformed')
})

describe('a made-up key with a right checksum is found out', () => {
  const { text } = texts.make(randomUUID())
  const [, , id = '', secret = ''] = text.split('_')

  test('whatever its secret', () => {
    const hexadecimal = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 })
    fc.assert(
      fc.property(hexadecimal, (madeUp) => {
        expect(texts.read(checked(`tk_test_${id}_${madeUp}`))).toBe('not_ours')
      }),
    )
  })

  test('by another id under a secret that is real', () => {
    expect(texts.read(checked(`tk_test_${randomUUID().replaceAll('-', '')}_${secret}`))).toBe('not_ours')
  })

  test('by another environment', () => {
    expect(texts.read(checked(`tk_live_${id}_${secret}`))).toBe('other_environment')
    expect(createApiKeyTexts('live', [first]).read(checked(`tk_live_${id}_${secret}`))).toBe('not_ours')
  })
})

test('with a new encryption key in front the keys made before it are read, to the same digest', () => {
  const made = texts.make(randomUUID())
  const rotated = createApiKeyTexts('test', [newKey('second'), first])
  expect(rotated.read(made.text)).toMatchObject({ digest: made.digest })

  const later = rotated.make(randomUUID())
  expect(rotated.read(later.text)).toMatchObject({ digest: later.digest })
  expect(texts.read(later.text)).toBe('not_ours')
})

test('without the encryption key a key was made under, it is none of ours', () => {
  const { text } = texts.make(randomUUID())
  expect(createApiKeyTexts('test', [newKey('second')]).read(text)).toBe('not_ours')
})

test.each([
  ['test', []],
  ['', [first]],
  ['Live', [first]],
  ['a_b', [first]],
] as const)('texts are not made for environment %j with keys %j', (environment, keys) => {
  expect(() => createApiKeyTexts(environment, keys)).toThrow(/key/)
})
