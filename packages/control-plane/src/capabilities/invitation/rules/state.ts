export type InvitationState = 'pending' | 'accepted' | 'revoked' | 'expired'

/** What has become of an invitation: nobody writes down that time has passed. */
export const stateAt = (
  { state, expiresAt }: { state: InvitationState; expiresAt: Date },
  now: Date,
): InvitationState => (state === 'pending' && expiresAt <= now ? 'expired' : state)
