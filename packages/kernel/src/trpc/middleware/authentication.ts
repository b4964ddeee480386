import type { Actor } from '../../context/actor.ts'
import type { Dependencies, Identity, KeyIdentity } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { authErrors, requestErrors } from '../../contract/errors.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { AppError } from '../../errors/app-error.ts'
import { isLapsed } from '../../errors/lapsed.ts'
import { recordDenial } from '../denial.ts'

export interface Caller {
  actor: Actor
  /** Null in process, where the caller says itself who it is. */
  identity: Identity | null
  /** Null unless an API key calls from outside. */
  key: KeyIdentity | null
  /** Why who is known by their credentials may do nothing all the same. */
  refusal: AppError | null
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
  try {
    const caller = await verify(ctx)
    await recordRefusal(ctx, caller)
    return admitted(caller)
  } catch (error) {
    if (error instanceof AppError && error.kind === 'unauthenticated' && !isLapsed(error)) await countFailure(ctx)
    throw error
  }
}

/**
 * Who calls, for what goes on after it was let in. Throws once its credentials no longer hold; that a token runs out
 * is not counted as a failure.
 */
export async function authenticateAgain(ctx: RequestContext): Promise<Caller> {
  return admitted(await verify(ctx))
}

async function verify(ctx: RequestContext): Promise<Caller> {
  const { credentials, dependencies, client } = ctx
  if ('actor' in credentials) return { actor: credentials.actor, identity: null, key: null, refusal: null }
  const { bearer, apiKey } = credentials
  // Which of the two acts would be a guess, and the audit log would tell of one only.
  if (bearer !== undefined && apiKey !== undefined) {
    const message = 'Send a bearer token or an API key, not both.'
    throw requestErrors.invalid({ issues: [{ path: 'X-API-Key', message }] }, message)
  }
  if (bearer === '') throw authErrors.unauthenticated({}, 'Send `Authorization: Bearer <token>`.')
  if (bearer !== undefined) return callerOf(dependencies, bearer)
  if (apiKey === undefined) return { actor: { type: 'anonymous' }, identity: null, key: null, refusal: null }
  const key = await dependencies.apiKeys.verify(apiKey, client)
  return { actor: key.actor, identity: null, key, refusal: key.refusal }
}

async function callerOf({ authenticator, directory, platformAccess }: Dependencies, bearer: string): Promise<Caller> {
  const identity = await authenticator.verify(bearer)
  const { refusal, ...user } = await directory.signIn(identity)
  const type = identity.platformAdmin && platformAccess ? 'platformAdmin' : 'user'
  return { actor: { type, ...user }, identity, key: null, refusal }
}

function admitted(caller: Caller): Caller {
  if (caller.refusal) throw caller.refusal
  return caller
}

/** A key that is known has a tenant, whose log is where the attempt belongs; a person may have many, or none. */
async function recordRefusal(ctx: RequestContext, { actor, refusal }: Caller): Promise<void> {
  const tenantIds = async () => (actor.type === 'apiKey' ? [actor.tenantId] : [])
  if (refusal) await recordDenial(ctx, { actor, code: refusal.code, tenantIds })
}

/**
 * Only what never was good is held against an address: behind one address may be many callers, and a block of all
 * of them would be a weapon in the hands of one.
 */
async function countFailure(ctx: RequestContext): Promise<void> {
  const { address } = ctx.client
  const { failureBlock } = ctx.dependencies
  if (address === null) return
  const seconds = failureBlock.blockedSeconds(address)
  const message = 'These credentials do not verify, and too many from this address did not.'
  if (seconds > 0) throw authErrors.blocked({ retryAfterSeconds: seconds }, message)
  if (await failureBlock.recordFailure(address)) {
    await recordDenial(ctx, { actor: { type: 'anonymous' }, code: 'auth.blocked' })
  }
}
