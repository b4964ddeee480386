import type { Actor } from '@tenantry/kernel/context/actor'
import type { SequenceContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { requireRoom } from '../../limit/index.ts'
import { countAdmins, countMembers, findMembership, insertMembership } from '../../member/index.ts'
import { invitationErrors } from '../contract.ts'
import { closeInvitation, findInvitationForUpdate, type InvitationRow } from '../repository.ts'
import type { FoundInvitation } from './look-up.ts'
import { findByToken, refuseClosed } from './refusals.ts'

type Person = Extract<Actor, { type: 'user' | 'platformAdmin' }>

/**
 * One transaction makes the caller a member, takes the seat and closes the invitation. Throws what the link is refused
 * for, `invitation.email_mismatch`, `invitation.inviter_lost_rights`, `invitation.already_member`, and
 * `usage.limit_exceeded` where no seat is left.
 */
export async function accept(ctx: SequenceContext, { token }: { token: string }) {
  const person = personOf(ctx.actor)
  const found = await findByToken(ctx.services, token)
  const stillGranted = await ctx.services.invitations.isStillGranted(found)
  return ctx.unit.member(found.access, async (unit) => {
    const row = await getAcceptable(unit, found, person)
    if (!stillGranted) throw invitationErrors.inviter_lost_rights()
    return join(unit, row, { found, person })
  })
}

function personOf(actor: Actor): Person {
  if (actor.type === 'user' || actor.type === 'platformAdmin') return actor
  throw authErrors.permission_denied({}, 'Only a signed-in user may do this.')
}

/** Locked: of two that accept it, or of one that accepts and one that revokes or sends it again, one comes first. */
async function getAcceptable(unit: TenantContext, { invitation }: FoundInvitation, person: Person) {
  const row = await findInvitationForUpdate(unit.em, invitation.id)
  // Sent again in the meantime, it has another token.
  if (!row || row.sends !== invitation.sends) throw invitationErrors.unknown_token()
  if (person.email?.toLowerCase() !== row.email) throw invitationErrors.email_mismatch()
  refuseClosed(row, unit.clock)
  return row
}

async function join(
  unit: TenantContext,
  { id, role }: InvitationRow,
  { found, person }: { found: FoundInvitation; person: Person },
) {
  const { em, tenant, services } = unit
  if (await findMembership(em, person.id)) throw invitationErrors.already_member()
  if (role === 'owner' || role === 'admin') await requireRoom(unit, 'admins', { count: () => countAdmins(em) })
  await requireRoom(unit, 'users', { count: () => countMembers(em) })
  const joinedAt = unit.clock.now()
  await insertMembership(em, { userId: person.id, role, joinedAt })
  await closeInvitation(em, id, { state: 'accepted', acceptedAt: joinedAt, acceptedBy: person.id })
  unit.record('invitation.accepted', {
    target: { type: 'invitation', id },
    changes: { state: { before: 'pending', after: 'accepted' } },
  })
  unit.record('member.joined', {
    target: { type: 'user', id: person.id },
    changes: { role: { before: null, after: role } },
  })
  unit.afterCommit(async () => {
    services.forgetAccess(tenant.id)
    for (const name of ['info', 'usage']) await services.cache.invalidate(tenant.id, name)
  })
  return { tenantId: tenant.id, slug: tenant.slug, tenantName: found.invitation.tenantName, role, joinedAt }
}
