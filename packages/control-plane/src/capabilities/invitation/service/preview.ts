import type { PublicContext } from '@tenantry/kernel/context/request-context'
import { findByToken, refuseClosed } from './refusals.ts'

/** Throws what the link itself is refused for. */
export async function preview({ services, clock }: PublicContext, { token }: { token: string }) {
  const { invitation } = await findByToken(services, token)
  refuseClosed(invitation, clock)
  const { tenantName, inviterName } = invitation
  return { tenantName, inviterName }
}
