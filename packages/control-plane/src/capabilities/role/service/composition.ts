import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { Issue } from '@tenantry/kernel/errors/app-error'
import {
  type BaseRole,
  type EffectivePermissions,
  type Granted,
  heldBy,
  ownership,
  refuseGranting,
  refuseManaging,
  type ScopeCatalogue,
  scopesOfRole,
} from '../../access/index.ts'
import { roleErrors } from '../contract.ts'
import type { CustomRole } from '../entity.ts'
import { findRole } from '../repository.ts'
import { findStandingsOfHolders, standingOf } from './standing.ts'

type Composition = Pick<CustomRole, 'scopes' | 'inheritable'> & { baseRole?: BaseRole | null | undefined }

/** Throws `role.not_found`. To be asked under the lock of a change. */
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
export function refuseComposing(ctx: TenantContext, standing: EffectivePermissions, role: Composition): void {
  refuseGranting(standing, grantOf(ctx, role))
}

export const grantOf = ({ services }: TenantContext, role: Composition): Granted => ({
  scopes: scopesOfRole(role, services.scopes),
  inheritable: role.inheritable,
})

/** Nobody edits a role at or above their own, or of somebody who is, unless they are an owner. */
export async function refuseEditing(
  ctx: TenantContext,
  standing: EffectivePermissions,
  role: Composition & { id: string },
) {
  refuseManaging(standing, scopesOfRole(role, ctx.services.scopes))
  // Who owns the tenant manages everybody.
  if (standing.scopes.has(ownership)) return
  for (const held of await findStandingsOfHolders(ctx, role.id)) refuseManaging(standing, heldBy(held))
}

/** A member of the tenant itself, whom the caller may change. Throws `role.no_member` or `auth.permission_denied`. */
export async function refuseChanging(ctx: TenantContext, standing: EffectivePermissions, userId: string) {
  const member = await standingOf(ctx, userId)
  if (member.directRole === null) throw roleErrors.no_member()
  refuseManaging(standing, heldBy(member))
}
