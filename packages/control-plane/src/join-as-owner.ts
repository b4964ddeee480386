import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import { runUnit } from '@tenantry/kernel/trpc/unit'
import type { SignedInUser } from './capabilities/access/index.ts'
import { claimOwnership } from './capabilities/member/index.ts'

/**
 * Makes a user an owner of a tenant that was waiting for their address: on the operators' connection, which alone writes
 * memberships, and audited as the user's own doing.
 */
export async function joinAsOwner(dependencies: Dependencies, user: SignedInUser, tenantId: string): Promise<void> {
  const { clock, logger, services } = dependencies
  const caller = {
    dependencies,
    actor: { type: 'user', ...user } as const,
    client: { address: null, userAgent: null },
    requestId: newId(),
    logger,
    operation: 'directory.signIn',
  }
  await runUnit(caller, { kind: 'tenant', tenantId, asOperator: true, readOnly: false }, async (unit) => {
    if (!(await claimOwnership(unit, { userId: user.id, email: user.email, at: clock.now() }))) return
    unit.afterCommit(async () => {
      services.forgetAccess(tenantId)
      for (const name of ['info', 'usage']) await services.cache.invalidate(tenantId, name)
    })
  })
}
