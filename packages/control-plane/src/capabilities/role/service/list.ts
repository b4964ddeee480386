import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { pageById } from '@tenantry/kernel/contract/page'
import { featuresNow } from '../../plan/index.ts'
import { roleErrors } from '../contract.ts'
import { countHolders, listAssignedRoles, listRolesBefore } from '../repository.ts'
import { describe } from './describe.ts'
import { standingOf } from './standing.ts'

interface Paging {
  limit: number
  cursor?: string | undefined
}

export async function list(ctx: TenantContext, { limit, cursor }: Paging) {
  const { items, nextCursor } = pageById(await listRolesBefore(ctx.em, { before: cursor, limit: limit + 1 }), limit)
  const holders = await countHolders(
    ctx.em,
    items.map(({ id }) => id),
  )
  return { items: items.map((role) => ({ ...describe(role), memberCount: holders.get(role.id) ?? 0 })), nextCursor }
}

/** Throws `role.no_member`. */
export async function listOfMember(ctx: TenantContext, { userId, limit, cursor }: Paging & { userId: string }) {
  if ((await standingOf(ctx, userId)).directRole === null) throw roleErrors.no_member()
  const roles = await listAssignedRoles(ctx.em, userId, { before: cursor, limit: limit + 1 })
  return pageById(roles.map(describe), limit)
}

export function listScopes(ctx: TenantContext) {
  const { services } = ctx
  const features = featuresNow(ctx)
  return {
    items: services.scopes.all.map(({ name, description, feature, roles }) => ({
      scope: name,
      description,
      feature,
      available: feature === null || features.has(feature),
      baseRoles: [...roles],
    })),
  }
}
