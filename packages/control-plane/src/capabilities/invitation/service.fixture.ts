import type { RequestContext } from '@tenantry/kernel/context/request-context'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { newId } from '@tenantry/kernel/tenancy/id'
import { createCallerFactory } from '@tenantry/kernel/trpc/init'
import { expect } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { appRouter } from '../../router.ts'
import type { TestInstallation, TestUser } from '../../testing.ts'
import type { BaseRole } from '../access/index.ts'
import { listOutbox } from '../mail/index.ts'

const createCaller = createCallerFactory(appRouter)

/** As a door calls for a request without credentials, from that address. */
export function callAsNobody(
  { dependencies }: TestInstallation,
  address: string | null = null,
): ReturnType<typeof createCaller> {
  const context: RequestContext = {
    dependencies,
    requestId: newId(),
    transport: 'trpc',
    client: { address, userAgent: null },
    credentials: {},
    tenantHints: {},
    idempotencyKey: null,
    ifMatch: false,
    setHeader: () => undefined,
    logger: dependencies.logger,
  }
  return createCaller(context)
}

/** What a call was refused with. */
export const refusalOf = (call: Promise<unknown>) =>
  call.then(
    (answer) => expect.fail(`answered ${JSON.stringify(answer)}`),
    (error: unknown) => toAppError(error),
  )

/** Invites one; what the answer holds of many is not for this. */
export async function invite(caller: InternalCaller, email: string, role: BaseRole = 'member', more: object = {}) {
  const answer = await caller.invitations.create({ tenantId: 'current', email, role, ...more })
  if ('results' in answer) throw new Error('It was answered as many')
  return answer
}

/** The token of the last mail to that address, of those that name the tenant where one is told. */
export async function tokenTo({ dependencies }: TestInstallation, email: string, tenant = ''): Promise<string> {
  const mail = (await listOutbox(dependencies, email)).find(({ subject }) => subject.includes(tenant))
  const [link = ''] = mail?.links ?? []
  return new URLSearchParams(new URL(link).hash.slice(1)).get('token') ?? ''
}

/** A user who was invited, their token, and what they call with. */
export async function invited(
  installation: TestInstallation,
  caller: InternalCaller,
  { role = 'member' as BaseRole, ...more }: { role?: BaseRole; roleIds?: string[]; expiresInSeconds?: number } = {},
): Promise<{ user: TestUser; id: string; token: string; accept(token?: string): ReturnType<typeof accepting> }> {
  const user = await installation.createUser()
  const { id } = await invite(caller, user.email, role, more)
  const token = await tokenTo(installation, user.email)
  return { user, id, token, accept: (other = token) => accepting(installation, user, other) }
}

const accepting = (installation: TestInstallation, user: TestUser, token: string) =>
  installation.callerAs(user).invitations.accept({ token })
