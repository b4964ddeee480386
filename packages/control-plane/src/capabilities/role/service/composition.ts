import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { Issue } from '@tenantry/kernel/errors/app-error'
import {
  ownership,
  refuseGrantBeyond,
  refuseInheritableBeyond,
  refuseManaging,
  type ScopeCatalogue,
  scopesOfRole,
} from '../../access/index.ts'
import { roleErrors } from '../contract.ts'
import type { CustomRole } from '../entity.ts'
import { findRole, listMemberRoles, type MemberRoles } from '../repository.ts'

type Composition = Pick<CustomRole, 'scopes' | 'inheritable'> & Pick<MemberRoles['customRoles'][number], 'baseRole'>

/** Throws `role.not_found`. The roles must be locked. */
export async function getRole(ctx: TenantContext, id: string): Promise<CustomRole> {
  const role = await findRole(ctx.em, id)
  if (!role) throw roleErrors.not_found()
  return role
}

/** Throws `request.invalid` for a scope that does not exist, or is for owners only. */
export function refuseUnknown(scopes: readonly string[], { every }: ScopeCatalogue): void {
  const issues = scopes.flatMap((scope, place): Issue[] => {
    const path = `scopes.${place}`
    if (!every.has(scope)) return [{ path, message: `There is no scope ${scope}.` }]
    return scope === ownership ? [{ path, message: `${scope} is for owners: no custom role holds it.` }] : []
  })
  if (issues.length > 0) throw requestErrors.invalid({ issues })
}

/** Nobody gives a role what they do not hold, nor gives out such a role. Throws `auth.permission_denied`. */
export function refuseComposing(ctx: TenantContext, role: Composition): void {
  const granted = scopesOfRole(role, ctx.services.scopes)
  refuseGrantBeyond(ctx.access, granted)
  if (role.inheritable) refuseInheritableBeyond(ctx.access, granted)
}

/** Nobody edits a role at or above their own, or of somebody who is, unless they are an owner. */
export async function refuseEditing(ctx: TenantContext, role: Composition, holderIds: readonly string[]) {
  refuseManaging(ctx.access, scopesOfRole(role, ctx.services.scopes))
  for (const held of await listMemberRoles(ctx.em, holderIds)) refuseManaging(ctx.access, heldScopes(ctx, held))
}

/** What a member holds in this tenant itself, whether or not its plan lets all of it count. Throws `role.no_member`. */
export async function scopesOfMember(ctx: TenantContext, userId: string): Promise<ReadonlySet<string>> {
  const [held] = await listMemberRoles(ctx.em, [userId])
  if (!held) throw roleErrors.no_member()
  return heldScopes(ctx, held)
}

function heldScopes({ services: { scopes } }: TenantContext, { role, customRoles }: MemberRoles): ReadonlySet<string> {
  const custom = customRoles.flatMap((one) => [...scopesOfRole(one, scopes)])
  return new Set([...scopes.ofRole[role], ...custom])
}
