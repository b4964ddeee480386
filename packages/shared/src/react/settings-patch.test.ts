import { expect, test } from 'vitest'
import { patchSettings } from './settings-patch.ts'

const settings = { branding: { primaryColor: '#000000', logoUrl: 'https://a.test/logo.svg' }, tags: ['a', 'b'] }

test('only what the patch names changes', () => {
  expect(patchSettings(settings, { branding: { primaryColor: '#ffffff' }, locale: 'de' })).toEqual({
    branding: { primaryColor: '#ffffff', logoUrl: 'https://a.test/logo.svg' },
    tags: ['a', 'b'],
    locale: 'de',
  })
})

test('a list is replaced as a whole, and an object takes the place of anything else', () => {
  expect(patchSettings(settings, { tags: ['c'] }).tags).toEqual(['c'])
  expect(patchSettings(settings, { tags: { first: 'c' } }).tags).toEqual({ first: 'c' })
})

test('a key that is reset stays until the service has said what its default is', () => {
  expect(patchSettings(settings, { branding: { primaryColor: null }, tags: null })).toEqual(settings)
})

test('what was read is never changed in place', () => {
  const before = structuredClone(settings)
  patchSettings(settings, { branding: { primaryColor: '#ffffff' } })
  expect(settings).toEqual(before)
})

test('a patch that is no object, or names the prototype, changes nothing else', () => {
  expect([undefined, null, 'text', ['list']].map((patch) => patchSettings(settings, patch))).toEqual(
    Array(4).fill(settings),
  )
  patchSettings(settings, JSON.parse('{"__proto__":{"admin":true},"constructor":{"admin":true}}'))
  expect(({} as { admin?: boolean }).admin).toBeUndefined()
})
