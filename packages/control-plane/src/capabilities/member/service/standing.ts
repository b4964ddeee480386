import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import type { Scope } from '@tenantry/kernel/contract/operation'
import { refuseManaging, roleScopes } from '../../access/index.ts'
import { scopesOfMember } from '../../role/index.ts'
import { memberErrors } from '../contract.ts'
import { findMembers, listOwnerIds, lockMembers, type MemberRow } from '../repository.ts'

/** What somebody holds in the tenant, at the time of a change. */
export type Standing = Pick<TenantAccess, 'scopes' | 'withheld'>

/**
 * Keeps everybody else from changing the tenant's members until the transaction ends, and answers what the caller may do
 * now: what let them in may be a second old. Throws `auth.permission_denied` for who has lost the permission meanwhile.
 */
export async function beginChange(
  ctx: TenantContext,
  permission: Scope | null,
  tenantIds = [ctx.tenant.id],
): Promise<Standing> {
  await lockMembers(ctx.em, tenantIds)
  return standingNow(ctx, permission)
}

export async function standingNow(ctx: TenantContext, permission: Scope | null): Promise<Standing> {
  const standing = ctx.actor.type === 'user' ? await standingOf(ctx, ctx.actor.id) : ctx.access
  const { scopes } = standing
  if (permission === null || scopes.has(permission)) return standing
  throw authErrors.permission_denied({ missingScope: permission }, `This needs the scope ${permission}.`)
}

async function standingOf(ctx: TenantContext, userId: string): Promise<Standing> {
  const [member] = await findMembers(ctx.em, [userId])
  return { ...ctx.access, scopes: member ? await scopesOf(ctx, member) : new Set() }
}

/** By the base role, inherited or not, and by the custom roles that the tenant itself gives. */
export async function scopesOf(ctx: TenantContext, member: MemberRow): Promise<ReadonlySet<string>> {
  const own = member.directRole === null ? [] : await scopesOfMember(ctx, member.userId)
  return new Set([...roleScopes[member.role], ...own])
}

/** Everybody may give up something of their own. Throws `auth.permission_denied`. */
export async function refuseChanging(ctx: TenantContext, standing: Standing, member: MemberRow): Promise<void> {
  if ('id' in ctx.actor && ctx.actor.id === member.userId) return
  refuseManaging(standing, await scopesOf(ctx, member))
}

/** To be asked under the lock of a change. Throws `member.last_owner` where nobody else owns the tenant itself. */
export async function refuseLastOwner(
  ctx: TenantContext,
  { userId, directRole }: Pick<MemberRow, 'userId' | 'directRole'>,
): Promise<void> {
  if (directRole !== 'owner') return
  const owners = await listOwnerIds(ctx.em)
  if (owners.every((owner) => owner === userId)) throw memberErrors.last_owner()
}
