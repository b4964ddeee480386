import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { findStandings } from '../../role/index.ts'
import { memberErrors } from '../contract.ts'
import { findMembers, type MemberRow } from '../repository.ts'

export async function describeAll(ctx: TenantContext, rows: readonly MemberRow[]) {
  const standings = await findStandings(
    ctx,
    rows.map(({ userId }) => userId),
  )
  const { ofRole } = ctx.services.scopes
  return rows.map(({ directRole: _, ...member }) => {
    const { scopes, isActive } = standings.get(member.userId) ?? { scopes: [], isActive: true }
    const state = isActive ? ('active' as const) : ('deactivated' as const)
    return { ...member, state, permissions: [...scopes].filter((scope) => !ofRole[member.role].has(scope)).sort() }
  })
}

/** Throws `member.not_found`. */
export async function getDescribed(ctx: TenantContext, userId: string) {
  const [described] = await describeAll(ctx, [await findMember(ctx, userId)])
  if (!described) throw memberErrors.not_found()
  return described
}

/** Direct or inherited. Throws `member.not_found`. */
export async function findMember(ctx: TenantContext, userId: string): Promise<MemberRow> {
  const [member] = await findMembers(ctx.em, [userId])
  if (!member) throw memberErrors.not_found()
  return member
}

/** A member of the tenant itself: what is inherited is changed where it comes from. Throws `member.inherited`. */
export async function findOwnMember(ctx: TenantContext, userId: string) {
  const member = await findMember(ctx, userId)
  const { directRole, inheritedFrom } = member
  if (directRole !== null) return { ...member, directRole }
  throw memberErrors.inherited(
    { ...(inheritedFrom === null ? {} : { ancestorId: inheritedFrom }) },
    `This membership comes from the tenant ${inheritedFrom} above. Change it there.`,
  )
}
