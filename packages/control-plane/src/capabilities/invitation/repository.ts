import { type EntityManager, type FilterQuery, LockMode } from '@mikro-orm/postgresql'
import { Invitation } from './entity.ts'
import type { InvitationState } from './rules/state.ts'

/** What may be read of an invitation. */
export type InvitationRow = Omit<Invitation, 'tokenDigest'>

export interface PageOfInvitations {
  state: InvitationState | undefined
  now: Date
  /** The id that the page begins after. */
  after: string | undefined
  limit: number
}

/** The newest first. */
export async function listInvitations(
  em: EntityManager,
  { state, now, after, limit }: PageOfInvitations,
): Promise<InvitationRow[]> {
  const where = { $and: [state ? inState(state, now) : {}, after === undefined ? {} : { id: { $lt: after } }] }
  return em.find(Invitation, where, { orderBy: { id: 'desc' }, limit })
}

function inState(state: InvitationState, now: Date): FilterQuery<Invitation> {
  if (state === 'pending') return { state, expiresAt: { $gt: now } }
  if (state === 'expired') return { $or: [{ state }, { state: 'pending', expiresAt: { $lte: now } }] }
  return { state }
}

/** Those that have not run out. */
export async function countPending(em: EntityManager, now: Date): Promise<number> {
  return em.count(Invitation, inState('pending', now))
}

/** Locked until the transaction ends. */
export async function findInvitationForUpdate(em: EntityManager, id: string): Promise<InvitationRow | null> {
  return em.findOne(Invitation, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })
}

export interface InvitationDraft {
  row: InvitationRow
  tokenDigest: string
}

/**
 * Answers the ids of those that were inserted: not where the address has a pending invitation; one that has run out makes
 * room. Whoever invites the same people at the same time goes through them in the same order. The digest is bound, as in
 * what follows: the ORM would write it into the text of its statement.
 */
export async function insertInvitations(em: EntityManager, drafts: readonly InvitationDraft[]): Promise<Set<string>> {
  const [first] = drafts
  if (!first) return new Set()
  const email = { $in: drafts.map(({ row }) => row.email) }
  const ranOut = { email, state: 'pending' as const, expiresAt: { $lte: first.row.createdAt } }
  await em.nativeUpdate(Invitation, ranOut, { state: 'expired' })
  const inserted = await em
    .getKysely<Tables>()
    .insertInto('tenantry.invitations')
    .values(
      drafts
        .toSorted(({ row: { email: left } }, { row: { email: right } }) => (left < right ? -1 : Number(left > right)))
        .map(toColumns),
    )
    .onConflict((conflict) => conflict.columns(['tenant_id', 'email']).where('state', '=', 'pending').doNothing())
    .returning('id')
    .execute()
  return new Set(inserted.map(({ id }) => id))
}

const toColumns = ({ row, tokenDigest }: InvitationDraft) => ({
  tenant_id: row.tenantId,
  id: row.id,
  email: row.email,
  role: row.role,
  role_ids: row.roleIds,
  token_digest: tokenDigest,
  invited_by_type: row.invitedByType,
  invited_by_id: row.invitedById,
  invited_by_name: row.invitedByName,
  created_at: row.createdAt,
  sent_at: row.sentAt,
  expires_at: row.expiresAt,
})

/** The token until now ends. The row must be locked. */
export async function replaceToken(em: EntityManager, row: InvitationRow, tokenDigest: string): Promise<void> {
  await em
    .getKysely<Tables>()
    .updateTable('tenantry.invitations')
    .set({
      token_digest: tokenDigest,
      sends: row.sends,
      invited_by_type: row.invitedByType,
      invited_by_id: row.invitedById,
      invited_by_name: row.invitedByName,
      sent_at: row.sentAt,
      expires_at: row.expiresAt,
    })
    .where('tenant_id', '=', row.tenantId)
    .where('id', '=', row.id)
    .execute()
}

export async function closeInvitation(
  em: EntityManager,
  id: string,
  how: { state: 'revoked'; revokedAt: Date } | { state: 'accepted'; acceptedAt: Date; acceptedBy: string },
): Promise<void> {
  await em.nativeUpdate(Invitation, { id }, how)
}

/** What a token stands for: nothing of whom it was sent to. */
export interface SignedInvitation extends Pick<Invitation, 'id'> {
  tenantId: string
  tenantName: string
  state: InvitationState
  /** ISO 8601. */
  expiresAt: string
  sends: number
  inviterName: string
}

/** The invitation that an identity context is signed for, by the digest of its token. */
export const signedInvitation = {
  text: /* sql */ `select tenant_id as "tenantId", tenant_name as "tenantName", id, state, expires_at as "expiresAt", sends,
      inviter_name as "inviterName"
    from directory.find_invitation()`,
}

interface Tables {
  'tenantry.invitations': {
    tenant_id: string
    id: string
    email: string
    role: string
    role_ids: string[]
    state?: string
    token_digest: string
    sends?: number
    invited_by_type: string
    invited_by_id: string
    invited_by_name: string
    created_at: Date
    sent_at: Date
    expires_at: Date
  }
}
