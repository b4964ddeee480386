import { expect, test } from 'vitest'
import { z } from 'zod'
import './plain-words.ts'

const said = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues[0]?.message

test.each([
  ['Expected an integer from 1 to 200.', z.int().min(1).max(200).default(50), 'abc'],
  ['Expected an integer from 1 to 200.', z.int().min(1).max(200), 201],
  ['Expected an integer from 0 to 65535.', z.coerce.number().int().min(0).max(65_535), '1.5'],
  ['Expected an integer of at least 1.', z.int().min(1), 0],
  ['Expected a number above 0 and below 5.', z.number().gt(0).lt(5), 9],
  ['Expected a text of 3 to 100 characters.', z.string().trim().min(3).max(100), ' a '],
  ['Expected a text of at least 16 characters.', z.string().min(16), 'short'],
  ['Expected a text that is not empty.', z.string().min(1), ''],
  ['Expected a text of exactly 3 characters.', z.string().length(3), 'ab'],
  ['Expected trace, debug, or info.', z.enum(['trace', 'debug', 'info']), 'loud'],
  ['Expected true or false.', z.boolean(), 'maybe'],
  ['Expected a list of at most 2 items.', z.array(z.string()).max(2), ['a', 'b', 'c']],
  ['Expected a UUID.', z.uuid(), 'x'],
  ['Expected an email address.', z.email().max(320), 'x'],
  ['Expected a time in UTC like 2026-01-31T12:00:00Z.', z.iso.datetime(), 'yesterday'],
  ['Expected an object.', z.strictObject({}), []],
  ['Expected an integer or all.', z.union([z.int(), z.literal('all')]), true],
  ['Its name: expected a text of at most 3 characters.', z.record(z.string().max(3), z.int()), { long: 1 }],
  ['Required: a text of at most 9 characters.', z.object({ name: z.string().max(9) }), {}],
])('%s', (words, schema, value) => {
  expect(said(schema, value)).toBe(words)
})

test('the alternatives of an object are told by the field that decides', () => {
  const schema = z.discriminatedUnion('type', [
    z.object({ type: z.literal('daily') }),
    z.object({ type: z.literal('weekly') }),
  ])
  const [issue] = schema.safeParse({ type: 'hourly' }).error?.issues ?? []
  expect(issue).toMatchObject({ path: ['type'], message: 'Expected daily or weekly.' })
})

test('what a schema says itself stands', () => {
  expect(said(z.string().regex(/^a/, 'Must begin with a.'), 'b')).toBe('Must begin with a.')
  expect(said(z.string({ error: 'Must be a name.' }), 7)).toBe('Must be a name.')
})
