import { authErrors, defineErrors, rateLimitErrors, requestErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation, type Operation, type UnitOfWorkKind } from '@tenantry/kernel/contract/operation'
import { page, pageInput } from '@tenantry/kernel/contract/page'
import { expectedVersion, id, integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { operationMeta, router, t } from '@tenantry/kernel/trpc/init'
import { z } from 'zod'

export const currentVersion = 7
export const createdAt = new Date('2026-01-02T03:04:05.000Z')

const tenantErrors = defineErrors('tenant', {
  slug_taken: { kind: 'conflict', message: 'Another tenant has this slug.' },
  concurrent_update: { kind: 'conflict', message: 'Somebody else changed it in the meantime.' },
})

const tenant = z
  .object({ id: z.string(), name: z.string(), version: integer(1), createdAt: timestamp() })
  .meta({ id: 'Tenant' })
const tags: [string] = ['Tenants']
/** What reached the resolver, for tests about the way there. */
const received = z.object({ received: z.record(z.string(), z.unknown()) })

const operations = {
  me: defineOperation({
    type: 'query',
    unitOfWork: 'user',
    permission: null,
    rest: { method: 'GET', path: '/me', summary: 'Who you are', tags: ['Users'] },
    input: z.object({}),
    output: z.object({ ifMatch: z.boolean() }),
  }),
  plans: defineOperation({
    type: 'query',
    unitOfWork: 'none',
    permission: null,
    rest: { method: 'GET', path: '/plans', summary: 'List plans', tags: ['Plans'] },
    input: z.object({}),
    output: z.object({ items: z.array(z.string()) }),
  }),
  info: defineOperation({
    type: 'query',
    unitOfWork: 'tenant',
    permission: 'tenant:read',
    rest: { method: 'GET', path: '/tenants/current', summary: 'The selected tenant', tags, versioned: true },
    input: z.object({}),
    output: tenant,
  }),
  get: defineOperation({
    type: 'query',
    unitOfWork: 'tenant',
    permission: 'tenant:read',
    rest: { method: 'GET', path: '/tenants/{tenantId}', summary: 'Get a tenant', tags, versioned: true },
    input: z.object({ tenantId: tenantRef() }),
    output: tenant,
  }),
  list: defineOperation({
    type: 'query',
    unitOfWork: 'user',
    permission: null,
    rest: { method: 'GET', path: '/tenants', summary: 'List tenants', tags },
    input: z.object({
      ...pageInput,
      q: z.string().nullable().optional(),
      archived: z.boolean().default(false),
      tags: z.array(integer(1)).optional(),
      status: z.enum(['active', 'suspended']).optional(),
      createdAfter: timestamp().optional(),
    }),
    output: page(tenant),
  }),
  create: defineOperation({
    type: 'mutation',
    unitOfWork: 'platform',
    permission: null,
    audit: 'tenant.created',
    rest: {
      method: 'POST',
      path: '/tenants',
      summary: 'Create a tenant',
      tags,
      successStatus: 201,
      aliases: [{ method: 'POST', path: '/tenants/onboard' }],
    },
    input: z.object({ name: text(1, 100), startsAt: timestamp().optional() }),
    output: tenant,
    errors: [tenantErrors.slug_taken],
  }),
  update: defineOperation({
    type: 'mutation',
    unitOfWork: 'tenant',
    permission: 'tenant:manage',
    audit: 'tenant.updated',
    rest: {
      method: 'PATCH',
      path: '/tenants/{tenantId}',
      summary: 'Update a tenant',
      tags,
      versioned: true,
      aliases: [{ method: 'PUT', path: '/tenants/{tenantId}' }],
    },
    input: z.object({
      tenantId: tenantRef(),
      name: text(1, 100).optional(),
      expectedVersion: expectedVersion().optional(),
    }),
    output: tenant,
    errors: [tenantErrors.concurrent_update],
  }),
  remove: defineOperation({
    type: 'mutation',
    unitOfWork: 'tenant',
    permission: 'tenant:own',
    audit: 'tenant.removed',
    rest: { method: 'DELETE', path: '/tenants/{tenantId}', summary: 'Remove a tenant', tags, successStatus: 204 },
    input: z.object({ tenantId: tenantRef(), force: z.boolean().optional() }),
    output: z.void(),
  }),
  search: defineOperation({
    type: 'query',
    unitOfWork: 'user',
    permission: null,
    rest: { method: 'GET', path: '/search/{depth}', summary: 'Echo a query', tags: ['Echo'] },
    input: z.object({
      depth: integer(0),
      limit: integer(1, 200).optional(),
      ratio: z.number().nullable().optional(),
      flag: z.boolean().default(true),
      word: z.string().optional(),
      ids: z.array(integer(1)).optional(),
      since: z.preprocess((value) => value, z.number()).optional(),
    }),
    output: received,
  }),
  echo: defineOperation({
    type: 'mutation',
    unitOfWork: 'tenant',
    permission: 'settings:write',
    audit: 'echo.sent',
    rest: {
      method: 'POST',
      path: '/tenants/{tenantId}/users',
      summary: 'Echo a body',
      description: 'Answers with what it was sent.',
      tags: ['Echo'],
      aliases: [{ method: 'POST', path: '/tenants/{tenantId}/users/{userId}' }],
    },
    input: z.object({
      tenantId: tenantRef(),
      userId: z.string().optional(),
      flag: z.boolean().optional(),
      count: integer().optional(),
      settings: z.unknown().refine(hasOnlyHonestKeys, 'Holds a forbidden key.').optional(),
    }),
    output: received,
  }),
  batch: defineOperation({
    type: 'mutation',
    unitOfWork: 'tenant',
    permission: 'usage:write',
    audit: { none: 'usage is its own log' },
    idempotency: 'event',
    rest: { method: 'POST', path: '/batch', summary: 'Take a large body', tags: ['Echo'], bodyLimitBytes: 400_000 },
    input: z.object({ text: z.string().optional() }),
    output: z.object({ length: integer(0) }),
  }),
  fail: defineOperation({
    type: 'query',
    unitOfWork: 'user',
    permission: null,
    rest: { method: 'GET', path: '/failures/{way}', summary: 'Fail', tags: ['Echo'] },
    input: z.object({ way: z.enum(['undeclared', 'output', 'limited', 'anonymous']) }),
    output: z.object({ userId: id('user') }),
    errors: [rateLimitErrors.exceeded],
  }),
  wait: defineOperation({
    type: 'query',
    unitOfWork: 'user',
    permission: null,
    rest: { method: 'GET', path: '/wait', summary: 'Wait until the caller leaves', tags: ['Echo'] },
    input: z.object({}),
    output: z.object({}),
  }),
}

function hasOnlyHonestKeys(value: unknown): boolean {
  return typeof value !== 'object' || value === null || !Object.hasOwn(value, '__proto__')
}

export function procedure<Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, UnitOfWorkKind>,
) {
  return t.procedure.meta(operationMeta(operation)).input(operation.input).output(operation.output)
}

const stored = (name: string) => ({ id: name, name, version: currentVersion, createdAt })

function failBy(way: 'undeclared' | 'output' | 'limited' | 'anonymous'): { userId: string } {
  switch (way) {
    case 'undeclared':
      throw new Error('password=hunter2')
    case 'limited':
      throw rateLimitErrors.exceeded({ retryAfterSeconds: 30 })
    case 'anonymous':
      throw authErrors.unauthenticated()
    case 'output':
      return { userId: 'no uuid' }
  }
}

/** `onWait` is called with the signal of each call that waits. */
export function createFixtureRouter(onWait: (signal: AbortSignal | undefined) => void = () => {}) {
  return router({
    me: router({ get: procedure(operations.me).query(({ ctx }) => ({ ifMatch: ctx.ifMatch })) }),
    plans: router({ list: procedure(operations.plans).query(() => ({ items: ['free'] })) }),
    tenants: router({
      info: procedure(operations.info).query(() => stored('the selected one')),
      get: procedure(operations.get).query(({ input }) => stored(input.tenantId)),
      list: procedure(operations.list).query(({ input }) => ({
        items: [],
        nextCursor: input.cursor === 'last' ? null : 'b/c=',
      })),
      create: procedure(operations.create).mutation(({ input }) => {
        if (input.name === 'taken') throw tenantErrors.slug_taken()
        return stored(input.name)
      }),
      update: procedure(operations.update).mutation(({ input }) => {
        if ((input.expectedVersion ?? currentVersion) !== currentVersion)
          throw tenantErrors.concurrent_update({ currentVersion })
        return { ...stored(input.name ?? input.tenantId), version: currentVersion + 1 }
      }),
      remove: procedure(operations.remove).mutation(({ input }) => {
        if (input.force !== true) throw requestErrors.invalid({}, 'Say force=true.')
      }),
    }),
    echo: router({
      search: procedure(operations.search).query(({ input }) => ({ received: input })),
      body: procedure(operations.echo).mutation(({ input }) => ({ received: input })),
      batch: procedure(operations.batch).mutation(({ input }) => ({ length: input.text?.length ?? 0 })),
      fail: procedure(operations.fail).query(({ input }) => failBy(input.way)),
      wait: procedure(operations.wait).query(async ({ signal }) => {
        onWait(signal)
        await new Promise((resolve) => signal?.addEventListener('abort', resolve))
        throw new Error('The caller left')
      }),
    }),
  })
}
