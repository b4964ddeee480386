import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { memberErrors } from '../contract.ts'
import { findMembers, type MemberRow } from '../repository.ts'

export function describe({ directRole: _, ...member }: MemberRow) {
  return { ...member, permissions: [] as string[] }
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
