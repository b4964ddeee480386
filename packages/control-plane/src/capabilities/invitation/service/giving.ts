import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { missingScope } from '@tenantry/kernel/errors/missing-scope'
import { type BaseRole, baseGrant, type EffectivePermissions, grantRefusal, isActiveUser } from '../../access/index.ts'
import { findKnownRoles, grantOf, standingOf, standingOfKey } from '../../role/index.ts'
import { invitationErrors } from '../contract.ts'
import type { InvitationRow } from '../repository.ts'

type Roles = Awaited<ReturnType<typeof findKnownRoles>>

/** What whoever accepts gets. */
export interface Given {
  role: BaseRole
  roles: Roles
}

/** Nobody invites to what they could not give to a member: `auth.permission_denied`, or null. */
export function givingRefusal(
  ctx: TenantContext,
  standing: EffectivePermissions,
  { role, roles }: Given,
): AppError | null {
  for (const needed of ['members:manage', ...(roles.length === 0 ? [] : ['roles:manage'])])
    if (!standing.scopes.has(needed)) return missingScope(needed, standing.withheld.get(needed))
  const given = [baseGrant(role, ctx.services.scopes), ...roles.map((one) => grantOf(ctx, one))]
  return given.map((grant) => grantRefusal(standing, grant)).find((refusal) => refusal !== null) ?? null
}

/** What is left to give of an invitation: a role that was deleted meanwhile is not given. */
export const givenBy = async (ctx: TenantContext, { role, roleIds }: InvitationRow): Promise<Given> => ({
  role,
  roles: await findKnownRoles(ctx, roleIds),
})

/** Throws what `givingRefusal` answers. */
export async function refuseGiving(ctx: TenantContext, standing: EffectivePermissions, row: InvitationRow) {
  const refusal = givingRefusal(ctx, standing, await givenBy(ctx, row))
  if (refusal) throw refusal
}

/** Throws `invitation.inviter_lost_rights`. To be asked under the lock of a change. */
export async function refuseLostRights(ctx: TenantContext, row: InvitationRow, given: Given): Promise<void> {
  if (!(await mayStillGive(ctx, row, given))) throw invitationErrors.inviter_lost_rights()
}

/** An operator gives everything for as long as they are one; services and jobs of ours stand on their own. */
async function mayStillGive(ctx: TenantContext, { invitedByType, invitedById }: InvitationRow, given: Given) {
  if (invitedByType === 'platformAdmin') return isActiveUser(ctx.em, invitedById)
  if (invitedByType === 'service' || invitedByType === 'system') return true
  if (invitedByType === 'apiKey') return givingRefusal(ctx, await standingOfKey(ctx, invitedById), given) === null
  const inviter = await standingOf(ctx, invitedById)
  return inviter.isActive && givingRefusal(ctx, inviter, given) === null
}
