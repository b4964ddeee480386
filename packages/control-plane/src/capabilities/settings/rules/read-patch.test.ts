import { describe, expect, test } from 'vitest'
import type { JsonValue } from './json.ts'
import { validatePatch } from './validate.ts'

function issuesOf(patch: unknown) {
  const result = validatePatch({ stored: {}, patch })
  return result.outcome === 'invalid' ? result.issues : result
}

const nested = (levels: number): JsonValue => (levels === 0 ? 1 : { a: nested(levels - 1) })

describe('foreign input', () => {
  test.each([[null], [undefined], [5], ['text'], [[]], [new Date()], [new Map()]])(
    'must be an object, not %s',
    (patch) => {
      expect(issuesOf(patch)).toEqual([{ path: 'settings', message: 'Must be an object.' }])
    },
  )

  test.each([
    [{ branding: 5 }, 'settings.branding', 'Expected an object.'],
    [{ branding: [] }, 'settings.branding', 'Expected an object.'],
    [{ branding: { logoUrl: {} } }, 'settings.branding.logoUrl', 'Expected a URL.'],
    [{ notifications: { email: 'on' } }, 'settings.notifications.email', 'Expected an object.'],
    [
      { notifications: { email: { lowStock: {} } } },
      'settings.notifications.email.lowStock',
      'Expected true or false.',
    ],
    [{ custom: [] }, 'settings.custom', 'Expected an object.'],
    [{ custom: 'text' }, 'settings.custom', 'Expected an object.'],
  ])('may not put a value of another shape in the place of a section or key: %j', (patch, path, message) => {
    expect(issuesOf(patch)).toEqual([{ path, message }])
  })

  test.each(['__proto__', 'constructor', 'prototype'])('may not use the name %s, at any depth', (name) => {
    const patch = JSON.parse(
      `{"${name}":{"x":1},"branding":{"${name}":null},"custom":{"a":[{"${name}":{"polluted":true}}],"${name}":1},"messaging":{"templates":[{"name":"a","body":"b","${name}":1}]}}`,
    )
    const message = 'This name is not allowed.'
    expect(issuesOf(patch)).toEqual([
      { path: `settings.${name}`, message },
      { path: `settings.branding.${name}`, message },
      { path: `settings.custom.a.0.${name}`, message },
      { path: `settings.custom.${name}`, message },
      { path: `settings.messaging.templates.0.${name}`, message },
    ])
    expect('polluted' in {}).toBe(false)
  })

  test('may not hold what JSON cannot', () => {
    const patch = { custom: { a: Number.NaN, b: 1n, c: new Date(), d: () => 1, e: [Number.POSITIVE_INFINITY] } }
    expect(issuesOf(patch)).toEqual(
      ['a', 'b', 'c', 'd', 'e.0'].map((key) => ({ path: `settings.custom.${key}`, message: 'Must be JSON.' })),
    )
  })

  test('may nest eight levels and no more, the document being the first', () => {
    expect(issuesOf({ custom: nested(7) })).toMatchObject({ outcome: 'valid', next: { custom: nested(7) } })
    expect(issuesOf({ custom: nested(8) })).toEqual([
      { path: `settings.custom${'.a'.repeat(7)}`, message: 'Must not be nested deeper than 8 levels.' },
    ])
  })

  test('of absurd nesting is refused without exhausting the stack', () => {
    const deep = JSON.parse(`${'{"custom":{"a":'}${'['.repeat(100_000)}${']'.repeat(100_000)}}}`)
    expect(issuesOf(deep)).toHaveLength(1)
  })

  test('may hold no control character or script in a free-form text or name', () => {
    const patch = {
      custom: { text: 'a\u0000b', list: ['<img src=x>', 'fine\nhere'], '<b>': 1, 'a\nb': 2, '\ud800': 3 },
    }
    const issues = issuesOf(patch) as { path: string }[]
    expect(issues.map(({ path }) => path)).toEqual([
      'settings.custom.text',
      'settings.custom.list.0',
      'settings.custom.<b>',
      'settings.custom.a\nb',
      'settings.custom.\ud800',
    ])
  })
})
