import type { z } from 'zod'
import type { listInvitations } from '../contract.ts'
import type { InvitationRow } from '../repository.ts'
import { stateAt } from '../rules/state.ts'

export type Described = z.input<typeof listInvitations.output>['items'][number]

/** An invitation as it is shown, without its token. */
export function describe(row: InvitationRow, now: Date): Described {
  const { id, email, role, roleIds, createdAt, sentAt, expiresAt, acceptedAt, acceptedBy, revokedAt } = row
  return {
    id,
    email,
    role,
    roleIds,
    state: stateAt(row, now),
    // The contract lists the kinds; no other can invite.
    invitedBy: { type: row.invitedByType as Described['invitedBy']['type'], id: row.invitedById },
    createdAt,
    sentAt,
    expiresAt,
    acceptedAt: acceptedAt ?? null,
    acceptedBy: acceptedBy ?? null,
    revokedAt: revokedAt ?? null,
  }
}
