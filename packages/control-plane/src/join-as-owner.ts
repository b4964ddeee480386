import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { newId } from '@tenantry/kernel/tenancy/id'
import { openSequence } from '@tenantry/kernel/trpc/sequence'
import type { SignedInUser } from './capabilities/access/index.ts'
import { limitErrors } from './capabilities/limit/index.ts'
import { claimOwnership } from './capabilities/member/index.ts'

const platformWord = { type: 'service', name: 'ownerships' } as const

/**
 * Makes a user an owner of a tenant that was waiting for their address: on the operators' connection, which alone sees who
 * is waited for, and audited as the user's own doing. Where the plan has no room, the tenant goes on waiting: nobody's
 * sign-in fails for it. False where it does.
 */
export async function joinAsOwner(dependencies: Dependencies, user: SignedInUser, tenantId: string): Promise<boolean> {
  const { logger, directory } = dependencies
  const access = await directory.findAccess(platformWord, tenantId)
  if (!access) return false
  const caller = {
    dependencies,
    actor: { type: 'user', ...user } as const,
    client: { address: null, userAgent: null },
    requestId: newId(),
    logger,
    operation: 'directory.signIn',
  }
  try {
    const claim = { userId: user.id, email: user.email }
    await openSequence(caller).unit.tenant(access, (unit) => claimOwnership(unit, claim))
    return true
  } catch (error) {
    const { code, details } = toAppError(error)
    if (code !== limitErrors.limit_exceeded.code) throw error
    logger.warn({ tenantId, ...details }, 'an owner is expected, and the plan has no room for them')
    return false
  }
}
