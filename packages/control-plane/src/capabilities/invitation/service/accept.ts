import type { Actor } from '@tenantry/kernel/context/actor'
import type { SequenceContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { addMember, findMembership } from '../../member/index.ts'
import { assignRoles, lockMembers } from '../../role/index.ts'
import { invitationErrors } from '../contract.ts'
import { closeInvitation, findInvitationForUpdate, type InvitationRow } from '../repository.ts'
import { type Given, givenBy, refuseLostRights } from './giving.ts'
import type { FoundInvitation } from './look-up.ts'
import { findByToken, refuseClosed } from './refusals.ts'

type Person = Extract<Actor, { type: 'user' | 'platformAdmin' }>

/**
 * One transaction makes the caller a member with the roles, takes the seat and closes the invitation. Throws what the link
 * is refused for, `invitation.email_unverified`, `invitation.email_mismatch`, `invitation.inviter_lost_rights`,
 * `invitation.already_member`, and `usage.limit_exceeded` where no seat is left.
 */
export async function accept(ctx: SequenceContext, { token }: { token: string }) {
  const person = personOf(ctx.actor)
  const found = await findByToken(ctx.services, token)
  return ctx.unit.member(found.access, (unit) =>
    ctx.once(unit, async () => {
      await lockMembers(unit.em, [unit.tenant.id])
      const row = await getAcceptable(unit, found, person)
      const given = await givenBy(unit, row)
      await refuseLostRights(unit, row, given)
      return { tenantName: found.invitation.tenantName, ...(await join(unit, { id: row.id, given, person })) }
    }),
  )
}

function personOf(actor: Actor): Person {
  if (actor.type === 'user' || actor.type === 'platformAdmin') return actor
  throw authErrors.permission_denied({}, 'Only a signed-in user may do this.')
}

/** Locked: of two that accept it, or of one that accepts and one that revokes or sends it again, one comes first. */
async function getAcceptable(
  unit: TenantContext,
  { invitation }: FoundInvitation,
  { email }: Person,
): Promise<InvitationRow> {
  const row = await findInvitationForUpdate(unit.em, invitation.id)
  // Sent again in the meantime, it has another token.
  if (!row || row.sends !== invitation.sends) throw invitationErrors.unknown_token()
  if (email === null) throw invitationErrors.email_unverified()
  if (email.toLowerCase() !== row.email) throw invitationErrors.email_mismatch()
  refuseClosed(row, unit.clock)
  return row
}

async function join(
  unit: TenantContext,
  { id, given: { role, roles }, person }: { id: string; given: Given; person: Person },
) {
  const { em, tenant } = unit
  if (await findMembership(em, person.id))
    throw invitationErrors.already_member({}, 'You are a member of this tenant already.')
  const acceptedAt = unit.clock.now()
  await closeInvitation(em, id, { state: 'accepted', acceptedAt, acceptedBy: person.id })
  unit.record('invitation.accepted', {
    target: { type: 'invitation', id },
    changes: { state: { before: 'pending', after: 'accepted' } },
  })
  const joinedAt = await addMember(unit, { userId: person.id, role, action: 'member.joined' })
  await assignRoles(unit, person.id, roles)
  return { tenantId: tenant.id, slug: tenant.slug, role, roleIds: roles.map((one) => one.id), joinedAt }
}
