import type { Clock } from '@tenantry/kernel/context/clock'
import type { Services } from '@tenantry/kernel/context/dependencies'
import { inactivityOf } from '@tenantry/kernel/tenancy/inactivity'
import { invitationErrors } from '../contract.ts'
import { type InvitationState, stateAt } from '../rules/state.ts'
import type { FoundInvitation } from './look-up.ts'

/** Throws `invitation.unknown_token`, or `tenant.inactive` without the reason, which is for members. */
export async function findByToken({ invitations }: Services, token: string): Promise<FoundInvitation> {
  const found = await invitations.find(token)
  if (!found) throw invitationErrors.unknown_token()
  const refusal = inactivityOf({ ...found.access.tenant, statusReason: null, statusUntil: null })
  if (refusal) throw refusal
  return found
}

/** Throws `invitation.already_accepted`, `invitation.revoked` or `invitation.expired`. */
export function refuseClosed(invitation: { state: InvitationState; expiresAt: Date }, clock: Clock): void {
  const state = stateAt(invitation, clock.now())
  if (state === 'accepted') throw invitationErrors.already_accepted()
  if (state === 'revoked') throw invitationErrors.revoked()
  if (state === 'expired') throw invitationErrors.expired()
}
