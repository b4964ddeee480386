import type { Actor } from '../../context/actor.ts'
import type { Dependencies, Identity } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { authErrors } from '../../contract/errors.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { AppError } from '../../errors/app-error.ts'
import { recordDenial } from '../denial.ts'

export interface Caller {
  actor: Actor
  /** Null in process, where the caller says itself who it is. */
  identity: Identity | null
}

/** The calls of one batch share their request, and so one verification. */
const running = new WeakMap<RequestContext, Promise<Caller>>()

/** Throws `auth.unauthenticated` where an operation needs a caller and there is none, `auth.blocked` after many failures. */
export async function authenticate(ctx: RequestContext, { unitOfWork }: AnyOperation): Promise<Caller> {
  let caller = running.get(ctx)
  if (!caller) {
    caller = identify(ctx)
    running.set(ctx, caller)
  }
  const { actor } = await caller
  if (actor.type === 'anonymous' && unitOfWork !== 'none') throw authErrors.unauthenticated()
  return caller
}

async function identify(ctx: RequestContext): Promise<Caller> {
  const { credentials, dependencies } = ctx
  if ('actor' in credentials) return { actor: credentials.actor, identity: null }
  if (credentials.bearer === undefined && credentials.apiKey === undefined) {
    return { actor: { type: 'anonymous' }, identity: null }
  }
  try {
    // API keys are refused like any other credential that verifies as nothing.
    if (credentials.bearer === undefined)
      throw authErrors.unauthenticated({}, 'API keys are not accepted by this version.')
    if (credentials.bearer === '') throw authErrors.unauthenticated({}, 'Send `Authorization: Bearer <token>`.')
    return await callerOf(dependencies, credentials.bearer)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'unauthenticated') await countFailure(ctx)
    throw error
  }
}

/**
 * Who calls, for what goes on after it was let in. Throws once its credentials no longer hold; that a token runs out
 * is not counted as a failure.
 */
export async function authenticateAgain({ credentials, dependencies }: RequestContext): Promise<Actor> {
  if ('actor' in credentials) return credentials.actor
  if (credentials.bearer === undefined) throw authErrors.unauthenticated()
  return (await callerOf(dependencies, credentials.bearer)).actor
}

async function callerOf({ authenticator, directory }: Dependencies, bearer: string): Promise<Caller> {
  const identity = await authenticator.verify(bearer)
  const user = await directory.signIn(identity)
  return { actor: { type: identity.platformAdmin ? 'platformAdmin' : 'user', ...user }, identity }
}

/**
 * Only what does not verify is held against an address: behind one address may be many callers, and a block of all
 * of them would be a weapon in the hands of one.
 */
async function countFailure(ctx: RequestContext): Promise<void> {
  const { address } = ctx.client
  const { failureBlock } = ctx.dependencies
  if (address === null) return
  const seconds = failureBlock.blockedSeconds(address)
  if (seconds > 0) throw authErrors.blocked({ retryAfterSeconds: seconds })
  if (await failureBlock.recordFailure(address)) {
    await recordDenial(ctx, { actor: { type: 'anonymous' }, code: 'auth.blocked' })
  }
}
