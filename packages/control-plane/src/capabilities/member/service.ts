import type { UserContext } from '@tenantry/kernel/context/request-context'
import { listReachableTenants } from '../access/index.ts'

export async function getMe(ctx: UserContext) {
  const reachable = await listReachableTenants(ctx.em)
  const { id, email, name, type } = ctx.actor
  return {
    user: { id, email, name, platformAdmin: type === 'platformAdmin' },
    memberships: reachable.map(({ tenantId, slug, name: tenantName, status, role, inheritedFrom }) => ({
      tenantId,
      slug,
      name: tenantName,
      status,
      role,
      inheritedFrom,
    })),
  }
}
