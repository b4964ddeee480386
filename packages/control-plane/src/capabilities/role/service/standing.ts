import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import type { Scope } from '@tenantry/kernel/contract/operation'
import { missingScope } from '@tenantry/kernel/errors/missing-scope'
import {
  type BaseRole,
  type EffectivePermissions,
  effectivePermissions,
  findKeyHolding,
  heldBy,
  keyPermissions,
  listDistinctHoldings,
  listHoldings,
} from '../../access/index.ts'
import { featuresNow } from '../../plan/index.ts'
import { lockMembers } from '../repository.ts'

/** What somebody holds in the tenant at the time of a change. */
export interface Standing extends EffectivePermissions {
  /** Of a membership of the tenant itself. */
  directRole: BaseRole | null
  /** False for who was deactivated, and holds this once they are reactivated; and for who holds nothing. */
  isActive: boolean
}

/**
 * Keeps everybody else from changing who is a member of the tenants, and what they hold, until the transaction ends. Answers
 * what the caller may do now: what let them in may be a second old. Throws `auth.permission_denied` for who has lost the
 * permission meanwhile, and `auth.user_deactivated`.
 */
export async function beginChange(
  ctx: TenantContext,
  permission: Scope | null,
  tenantIds = [ctx.tenant.id],
): Promise<EffectivePermissions> {
  await lockMembers(ctx.em, tenantIds)
  return standingNow(ctx, permission)
}

export async function standingNow(ctx: TenantContext, permission: Scope | null): Promise<EffectivePermissions> {
  const { actor, access } = ctx
  const standing =
    actor.type === 'user'
      ? await ownStanding(ctx, actor.id)
      : actor.type === 'apiKey'
        ? await standingOfKey(ctx, actor.id)
        : access
  if (permission === null || standing.scopes.has(permission)) return standing
  throw missingScope(permission, standing.withheld.get(permission))
}

async function ownStanding(ctx: TenantContext, userId: string): Promise<Standing> {
  const standing = await standingOf(ctx, userId)
  if (!standing.isActive && standing.sources.length > 0) throw authErrors.user_deactivated()
  return standing
}

export async function standingOf(ctx: TenantContext, userId: string): Promise<Standing> {
  return (await findStandings(ctx, [userId])).get(userId) ?? nothing
}

/** What a key that is alive was given, as far as whoever made it holds that. */
export async function standingOfKey(ctx: TenantContext, id: string): Promise<EffectivePermissions> {
  const key = await findKeyHolding(ctx.em, id, ctx.clock.now())
  if (!key) return nothing
  const { services } = ctx
  const held = key.createdByType === 'user' ? heldBy(await standingOf(ctx, key.createdById)) : services.scopes.every
  const scopes = key.scopes.filter((scope) => held.has(scope))
  return keyPermissions(scopes, services.scopes, featuresNow(ctx))
}

/** By user, from base and custom roles here and above; who holds nothing here has no entry. */
export async function findStandings(ctx: TenantContext, userIds: readonly string[]): Promise<Map<string, Standing>> {
  if (userIds.length === 0) return new Map()
  const { em, tenant, services } = ctx
  const features = featuresNow(ctx)
  const holdings = await listHoldings(em, { tenantId: tenant.id, userIds })
  return new Map(
    holdings.map(({ userId, directRole, isActive, ...held }) => [
      userId,
      { directRole, isActive, ...effectivePermissions(held, services.scopes, features) },
    ]),
  )
}

/** Of everybody who holds the role, each that there is once: many hold the same. */
export async function findStandingsOfHolders(ctx: TenantContext, roleId: string): Promise<EffectivePermissions[]> {
  const { em, tenant, services } = ctx
  const features = featuresNow(ctx)
  const holdings = await listDistinctHoldings(em, { tenantId: tenant.id, roleId })
  return holdings.map((held) => effectivePermissions(held, services.scopes, features))
}

const nothing: Standing = { directRole: null, isActive: false, scopes: new Set(), withheld: new Map(), sources: [] }
