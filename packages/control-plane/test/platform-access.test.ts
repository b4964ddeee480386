import type { Actor } from '@tenantry/kernel/context/actor'
import type { RequestContext } from '@tenantry/kernel/context/request-context'
import { defineOperation, type RestRoute } from '@tenantry/kernel/contract/operation'
import { tenantRef } from '@tenantry/kernel/contract/wire'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { createCallerFactory, router } from '@tenantry/kernel/trpc/init'
import { platformOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'

const rest: RestRoute = { method: 'PUT', path: '/fixture', summary: 'Mends something', tags: ['Fixture'] }
const declared = {
  type: 'mutation' as const,
  audit: { none: 'the fixture changes nothing' },
  rest,
  output: z.object({ by: z.string() }),
}

const mendTenant = defineOperation({
  ...declared,
  unitOfWork: 'tenant',
  permission: 'platform',
  input: z.object({ tenantId: tenantRef() }),
})
const mendInstallation = defineOperation({
  ...declared,
  unitOfWork: 'platform',
  permission: null,
  input: z.object({}),
})

const createCaller = createCallerFactory(
  router({
    tenant: tenantOperation(mendTenant).mutation(({ ctx }) => ({ by: ctx.actor.type })),
    installation: platformOperation(mendInstallation).mutation(({ ctx }) => ({ by: ctx.actor.type })),
  }),
)

function mend({ dependencies }: TestInstallation, credentials: RequestContext['credentials'], tenantId: string) {
  const caller = createCaller({
    dependencies,
    requestId: crypto.randomUUID(),
    transport: 'trpc',
    client: { address: '192.0.2.7', userAgent: null },
    credentials,
    tenantHints: {},
    idempotencyKey: null,
    ifMatch: false,
    setHeader: () => undefined,
    logger: dependencies.logger,
  })
  const outcome = (called: Promise<{ by: string }>) =>
    called.then(
      ({ by }) => by,
      (error: unknown) => `${toAppError(error).code}: ${toAppError(error).message}`,
    )
  return Promise.all([outcome(caller.tenant({ tenantId })), outcome(caller.installation())])
}

describe.each([true, false])('where PLATFORM_ACCESS is %s', (platformAccess) => {
  let installation: TestInstallation
  beforeAll(async () => {
    installation = await openTestInstallation({ platformAccess })
  })
  afterAll(() => installation.close())

  const claiming = async (email: string) => ({ bearer: await installation.issuer.sign({ email, platformAdmin: true }) })
  const off = 'auth.permission_denied: Platform operations are switched off here: PLATFORM_ACCESS is false.'

  test(`who claims to be a platform admin ${platformAccess ? 'is one' : 'is refused, and told by which setting'}`, async () => {
    const { tenant, user } = await installation.enter()
    const stranger = await installation.createUser()
    const expected = platformAccess ? ['platformAdmin', 'platformAdmin'] : [off, off]
    for (const { email } of [user, stranger]) {
      expect(await mend(installation, await claiming(email), tenant.id)).toEqual(expected)
    }
  })

  test('jobs and commands do their work', async () => {
    const tenant = await installation.createTenant()
    const actor: Actor = { type: 'system', name: 'retention' }
    expect(await mend(installation, { actor }, tenant.id)).toEqual(['system', 'system'])
  })
})
