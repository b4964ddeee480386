import type { Actor } from '@tenantry/kernel/context/actor'
import type { RequestContext } from '@tenantry/kernel/context/request-context'
import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { integer, tenantRef, timestamp } from '@tenantry/kernel/contract/wire'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { createCallerFactory, router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import { z } from 'zod'
import { SettingsRevision } from '../src/capabilities/settings/entity.ts'
import type { TestInstallation, TestUser } from '../src/testing.ts'

export const fixtureErrors = defineErrors('fixture', {
  refused: { kind: 'unprocessable', message: 'The fixture was told to refuse.' },
})

const outcomes = [
  'success',
  'declared error',
  'unknown error',
  'wrong output',
  'failed statement',
  'swallowed failure',
  'unwritable audit entry',
] as const
export type Outcome = (typeof outcomes)[number]

const writeInput = z.object({
  tenantId: tenantRef().optional(),
  version: integer(1),
  secret: z.string().optional(),
  outcome: z.enum(outcomes).default('success'),
})
const writeOutput = z.object({ version: integer(1), secret: z.string().nullable(), at: timestamp(), call: integer(1) })

const write = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'settings:write',
  audit: 'fixture.written',
  rest: { method: 'POST', path: '/fixture', summary: 'Writes a row', tags: ['Fixture'] },
  input: writeInput,
  output: writeOutput,
  errors: [fixtureErrors.refused],
})

const peek = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'settings:read',
  rest: { method: 'GET', path: '/fixture', summary: 'Writes where it may only read', tags: ['Fixture'] },
  input: writeInput,
  output: writeOutput,
})

/** What the fixture's procedures do besides answering. */
export interface Behaviour {
  /** Awaited while the transaction is open. */
  meanwhile(): Promise<void>
  /** Registered by each call to run after its commit. */
  effect(version: number): Promise<void> | void
}

function createRouter(behaviour: Behaviour) {
  let calls = 0
  const procedure = (operation: typeof write | typeof peek) => tenantOperation(operation)
  type Resolve = Parameters<ReturnType<typeof procedure>['mutation']>[0]
  const resolve: Resolve = async ({ ctx, input: { version, secret = null, outcome } }) => {
    const { em, clock } = ctx
    calls++
    ctx.afterCommit(() => behaviour.effect(version))
    const action = outcome === 'unwritable audit entry' ? 'x'.repeat(200) : 'fixture.written'
    ctx.record(action, { details: { call: calls } })
    const actor = { actorType: 'user', actorId: null }
    em.create(SettingsRevision, { version, document: {}, changedKeys: [], ...actor, createdAt: clock.now() })
    await em.flush()
    await behaviour.meanwhile()
    if (outcome === 'declared error') throw fixtureErrors.refused()
    if (outcome === 'unknown error') throw new Error('internals')
    if (outcome === 'failed statement') await em.execute('select 1 / 0')
    if (outcome === 'swallowed failure') await em.execute('select 1 / 0').catch(() => undefined)
    return { version: outcome === 'wrong output' ? -1 : version, secret, at: clock.now() as never, call: calls }
  }
  return router({
    write: procedure(write).mutation(resolve),
    rewrite: procedure(write).mutation(resolve),
    peek: procedure(peek).query(resolve),
  })
}

export interface FixtureCall {
  caller: TestUser | Exclude<Actor, { type: 'anonymous' }>
  tenant: { id: string }
  idempotencyKey?: string
  procedure?: 'write' | 'rewrite' | 'peek'
}

export interface Fixture {
  behaviour: Behaviour
  /** Calls as a door would; throws the declared error. */
  call(
    call: FixtureCall,
    input: z.input<typeof writeInput>,
  ): Promise<{ answer: z.output<typeof writeOutput>; headers: Record<string, string> }>
}

/** Two procedures of no capability behind the real pipeline. */
export function createFixture({ dependencies }: TestInstallation): Fixture {
  const behaviour: Behaviour = { meanwhile: async () => undefined, effect: () => undefined }
  const createCaller = createCallerFactory(
    createRouter({
      meanwhile: () => behaviour.meanwhile(),
      effect: (version) => behaviour.effect(version),
    }),
  )
  return {
    behaviour,
    call: async ({ caller, tenant, idempotencyKey = null, procedure = 'write' }, input) => {
      const headers: Record<string, string> = {}
      const context: RequestContext = {
        dependencies,
        requestId: crypto.randomUUID(),
        transport: 'internal',
        client: { address: null, userAgent: null },
        credentials: { actor: 'type' in caller ? caller : { type: 'user', ...caller, name: null } },
        tenantHints: { header: tenant.id },
        idempotencyKey,
        ifMatch: false,
        setHeader: (name, value) => {
          headers[name] = value
        },
        logger: dependencies.logger,
      }
      try {
        return { answer: await createCaller(context)[procedure](input), headers }
      } catch (error) {
        throw toAppError(error)
      }
    },
  }
}
