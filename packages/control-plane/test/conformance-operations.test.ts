import { requestErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation, defineSubscription } from '@tenantry/kernel/contract/operation'
import { page, pageInput } from '@tenantry/kernel/contract/page'
import { id, integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { router, t } from '@tenantry/kernel/trpc/init'
import { tenantOperation, tenantSubscription } from '@tenantry/kernel/trpc/procedures'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { errorCatalogue } from '../src/error-catalogue.ts'
import { operationFindings } from './conformance-operations.fixture.ts'

type Sketch = Omit<ReturnType<typeof sketch>, 'input'> & { input: z.ZodObject }

const sketch = () => ({
  unitOfWork: 'tenant' as const,
  type: 'mutation' as const,
  permission: 'notes:write' as const,
  audit: 'note.updated' as string | { none: string },
  rest: {
    method: 'PATCH' as const,
    path: '/notes/{noteId}' as const,
    summary: 'Change a note',
    tags: ['Notes'] as [string],
  },
  input: z.object({ noteId: id('note'), body: z.record(z.string(), z.unknown()).optional() }),
  output: z.object({ version: integer(1) }),
})

/** A router with one operation, which conforms but for what `change` does to it. */
function serving(change: object | ((declared: Sketch) => object) = {}) {
  const sound = sketch()
  const changes = typeof change === 'function' ? change(sound) : change
  // Breaches that the types would refuse are to be found too.
  const operation = defineOperation({ ...sound, ...changes } as Sketch)
  const procedure = tenantOperation(operation)
  return operation.type === 'query'
    ? procedure.query(() => ({ version: 1 }))
    : procedure.mutation(() => ({ version: 1 }))
}

const notes = (procedures: Parameters<typeof router>[0]) => router({ notes: router(procedures) })
const vocabulary = { scopes: ['notes:read', 'notes:write'], errors: errorCatalogue }
const messages = (...args: Parameters<typeof serving>) =>
  operationFindings(notes({ update: serving(...args) }), vocabulary).map(({ message }) => message)

test('an operation that conforms has no findings', () => {
  expect(messages()).toEqual([])
})

test.each<[string, Parameters<typeof serving>[0], RegExp]>([
  ['no scope', { permission: null }, /needs no scope/],
  ['an unknown scope', { permission: 'notes:burn' }, /no scope notes:burn/],
  ['a scope outside a tenant', { unitOfWork: 'user' }, /a user operation has permission null/],
  ['operators across tenants, inside one', { operatorSpansTenants: true }, /Only a user operation/],
  ['a cached mutation', { cached: { name: 'note', ttlSeconds: 1 } }, /can be cached/],
  ['no audit action', { audit: { none: ' ' } }, /without an audit entry/],
  ['the reason of a read', { audit: { none: 'reads change nothing' } }, /without an audit entry/],
  ['an audit action in other words', { audit: 'Updated the note' }, /is no audit action/],
  ['a query that audits', { type: 'query' }, /read-only/],
  ['an Idempotency-Key beside POST', { idempotency: 'event' }, /Only POST/],
  ['an error from nowhere', { errors: [{ ...requestErrors.invalid, code: 'note.burnt' }] }, /note.burnt is not in/],
  [
    'an error of another kind',
    { errors: [{ code: 'request.invalid', kind: 'conflict', message: requestErrors.invalid.message }] },
    /request.invalid is not in/,
  ],
  ['an error twice', { errors: [requestErrors.invalid, requestErrors.invalid] }, /declared twice/],
])('%s is found', (_, change, message) => {
  expect(messages(change)).toEqual([expect.stringMatching(message)])
})

test.each<[string, object, RegExp]>([
  ['a change by GET', { method: 'GET', path: '/notes/{noteId}' }, /changes something by GET/],
  ['no summary', { summary: ' ' }, /no summary/],
  ['no tag', { tags: [] }, /not one tag/],
  ['an empty tag', { tags: [' '] }, /not one tag/],
  ['two tags', { tags: ['Notes', 'Paper'] }, /not one tag/],
  [
    'a change by an alias with GET',
    { aliases: [{ method: 'GET', path: '/notes/{noteId}' }] },
    /changes something by GET/,
  ],
  ['a parameter that is no input', { path: '/notes/{noteId}/{part}' }, /input has not/],
  [
    'a parameter of an alias that is no input',
    { aliases: [{ method: 'PUT', path: '/notes/{other}' }] },
    /input has not/,
  ],
  ['a path in capitals', { path: '/Notes/{noteId}' }, /is no path/],
  [
    'an alias that is the path again',
    { aliases: [{ method: 'PATCH', path: '/notes/{noteId}' }] },
    /served by notes\.update already/,
  ],
])('%s is found', (_, rest, message) => {
  const found = messages((sound) => ({ rest: { ...sound.rest, ...rest }, input: sound.input.omit({ body: true }) }))
  expect(found).toEqual([expect.stringMatching(message)])
})

test('a versioned operation answers a version', () => {
  const found = messages(({ rest }) => ({ rest: { ...rest, versioned: true }, output: z.object({ text: text(1, 9) }) }))
  expect(found).toEqual([expect.stringMatching(/answers no version/)])
})

test.each([z.date(), z.bigint(), z.map(z.string(), z.string()), z.undefined()])(
  'an answer that JSON cannot say is found',
  (field) => {
    const found = messages(() => ({ output: z.object({ field }) }))
    expect(found).toEqual([expect.stringMatching(/what JSON cannot say/)])
  },
)

test('a path parameter is never optional', () => {
  expect(messages({ input: z.object({ noteId: id('note').optional() }) })).toEqual([expect.stringMatching(/optional/)])
})

test('a name is a noun and a verb', () => {
  const named = [
    router({ update: serving() }),
    router({ 'all-notes': router({ update: serving() }) }),
    router({ Notes: router({ update: serving() }) }),
    router({ notes: router({ ink: router({ update: serving() }) }) }),
    router({ notes: router({ update_all: serving() }) }),
  ]
  for (const badly of named) {
    expect(operationFindings(badly, vocabulary)).toEqual([
      { subject: expect.any(String), message: expect.stringMatching(/not noun\.verb/) },
    ])
  }
  expect(operationFindings(router({ stickyNotes: router({ updateAll: serving() }) }), vocabulary)).toEqual([])
})

test('an alias may name the tenant of an operation that takes none, the path of the document may not', () => {
  const serve = (unitOfWork: string, path: string, alias: string) =>
    messages(({ rest }) => ({
      unitOfWork,
      permission: unitOfWork === 'tenant' ? 'notes:write' : null,
      rest: { ...rest, path, aliases: [{ method: 'PATCH', path: alias }] },
      input: z.object({ body: z.string() }),
    }))
  const unknown = [expect.stringMatching(/has \{tenantId\} and the input has not/)]
  expect(serve('tenant', '/notes', '/tenants/{tenantId}/notes')).toEqual([])
  expect(serve('tenant', '/tenants/{tenantId}/notes', '/notes')).toEqual(unknown)
  expect(serve('user', '/notes', '/tenants/{tenantId}/notes')).toEqual(unknown)
})

test('what creates something by POST says with which status it answers', () => {
  const creating = (rest: object) =>
    serving((sound) => ({
      audit: 'note.created',
      rest: { ...sound.rest, method: 'POST', path: '/notes', ...rest },
      input: z.object({ body: z.unknown() }),
    }))
  const found = (name: string, rest: object = {}) => operationFindings(notes({ [name]: creating(rest) }), vocabulary)
  for (const name of ['create', 'createMany', 'add']) {
    expect(found(name)).toEqual([
      { subject: `operation notes.${name}`, message: expect.stringMatching(/leaves the status open/) },
    ])
    expect(found(name, { successStatus: 201 })).toEqual([])
  }
  expect(found('address')).toEqual([])
})

test('what an alias takes from its path or query has to fit there too', () => {
  const moving = (method: string, path: string) =>
    messages((sound) => ({
      rest: { ...sound.rest, path: '/notes', aliases: [{ method, path }] },
      input: z.object({ place: z.object({ page: integer(1) }) }),
    }))
  const unfit = [expect.stringMatching(/place cannot come from a path or query/)]
  expect(moving('PUT', '/notes/{place}')).toEqual(unfit)
  expect(moving('DELETE', '/notes')).toEqual(unfit)
  expect(moving('PUT', '/notes')).toEqual([])
})

test('two operations on one route are found, whatever their parameters are called', () => {
  const other = serving(({ rest }) => ({
    rest: { ...rest, path: '/notes/{otherId}' },
    input: z.object({ otherId: id('note') }),
  }))
  expect(operationFindings(notes({ update: serving(), rename: other }), vocabulary)).toEqual([
    {
      subject: 'operation notes.rename',
      message: expect.stringMatching(/PATCH \/notes\/\{\} is served by notes\.update/),
    },
  ])
})

test('a procedure without operation, and one that parses no output, are found', () => {
  const bare = t.procedure.query(() => 1)
  const { meta } = serving()._def as unknown as { meta: never }
  const unparsed = t.procedure.meta(meta).mutation(() => 1)
  expect(operationFindings(notes({ bare, unparsed }), vocabulary)).toEqual([
    { subject: 'operation notes.bare', message: expect.stringMatching(/declares no operation/) },
    { subject: 'operation notes.unparsed', message: expect.stringMatching(/no output parser/) },
  ])
})

test('a subscription owes a scope and a summary, is served as one, and has no route to clash with', () => {
  const ink = {
    permission: 'notes:read',
    summary: 'Watch the ink dry',
    input: z.object({}),
    output: z.string(),
  } as const
  const watching = (change: object = {}) =>
    tenantSubscription(defineSubscription({ ...ink, ...change })).subscription(async function* () {
      yield { id: '1', data: 'dry' }
    })
  const found = (procedure: Parameters<typeof router>[0][string]) =>
    operationFindings(notes({ watch: procedure, update: serving() }), vocabulary).map(({ message }) => message)
  expect(found(watching())).toEqual([])
  expect(found(watching({ permission: 'notes:burn' }))).toEqual([expect.stringMatching(/no scope notes:burn/)])
  expect(found(watching({ summary: ' ' }))).toEqual([expect.stringMatching(/no summary/)])
  const { meta } = watching()._def as unknown as { meta: never }
  expect(found(t.procedure.meta(meta).query(() => 1))).toEqual([expect.stringMatching(/served as a query/)])
})

const reading = (input: z.ZodObject) =>
  messages((sound) => ({
    type: 'query',
    permission: 'notes:read',
    audit: { none: 'reads change nothing' },
    rest: { ...sound.rest, method: 'GET', path: '/notes' },
    input,
    output: page(z.string()),
  }))

test('what a query string can say may be the input of a GET', () => {
  const input = {
    ...pageInput,
    tenantId: tenantRef(),
    since: timestamp().optional(),
    until: z.iso.datetime({ offset: true }).nullable().default(null),
    archived: z.boolean().prefault(false),
    order: z.enum(['asc', 'desc']).catch('asc'),
    kind: z.union([z.literal('memo'), z.enum(['letter'])]).readonly(),
    ids: z.array(id('note')).max(9).optional(),
    weights: z.array(z.number()).optional(),
    q: text(1, 9).optional(),
  }
  expect(reading(z.object(input))).toEqual([])
})

test.each<[string, z.ZodType]>([
  ['an object', z.object({ a: z.string() })],
  ['a record', z.record(z.string(), z.string()).optional()],
  ['anything', z.unknown()],
  ['a Date', z.date()],
  ['a bigint', z.bigint()],
  ['a list of lists', z.array(z.array(z.string()))],
  ['a list of objects', z.array(z.object({})).default([])],
  ['text or a number', z.union([z.string(), z.number()])],
  ['a number among literals', z.literal(['one', 2])],
])('%s cannot be the input of a GET', (_, schema) => {
  expect(reading(z.object({ field: schema }))).toEqual([
    expect.stringMatching(/field cannot come from a path or query/),
  ])
})
