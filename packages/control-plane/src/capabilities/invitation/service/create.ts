import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { AppError, Issue } from '@tenantry/kernel/errors/app-error'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { z } from 'zod'
import type { BaseRole, EffectivePermissions } from '../../access/index.ts'
import { beginChange, findKnownRoles } from '../../role/index.ts'
import { type createInvitation as createOperation, invitationErrors } from '../contract.ts'
import { type InvitationRow, insertInvitation } from '../repository.ts'
import { digestOf, makeToken } from '../rules/token.ts'
import { describe } from './describe.ts'
import { givingRefusal } from './giving.ts'
import { inviterOf, mailInvitation } from './send.ts'

type CreateInput = z.output<typeof createOperation.input>

interface Wanted {
  email: string
  role: BaseRole
  roleIds: string[]
}

/**
 * Throws `request.invalid` where neither one nor many are named; for one, `auth.permission_denied` for a role that holds
 * more than the caller and `invitation.already_pending`, which of many stand beside each.
 */
export async function create(ctx: TenantContext, input: CreateInput) {
  const { one, all } = wantedOf(input)
  const standing = await beginChange(ctx, 'members:manage')
  const inviter = await inviterOf(ctx)
  const sentAt = ctx.clock.now()
  const expiresAt = new Date(sentAt.getTime() + input.expiresInSeconds * 1_000)
  const terms = { ...inviter, createdAt: sentAt, sentAt, expiresAt }
  const invite = async (wanted: Wanted): Promise<Outcome> => {
    const refusal = await refusalOf(ctx, standing, wanted)
    return refusal ? { refusal } : inviteOne(ctx, wanted, terms)
  }
  if (one) {
    const outcome = await invite(one)
    if ('refusal' in outcome) throw outcome.refusal
    return describe(outcome.row, sentAt)
  }

  const results: object[] = []
  // Whoever invites the same people at the same time goes through them in the same order.
  const inOrder = [...all.entries()].sort(([, left], [, right]) => (left.email < right.email ? -1 : 1))
  for (const [place, wanted] of inOrder) results[place] = resultOf(wanted, await invite(wanted), sentAt)
  return { results } as { results: ReturnType<typeof resultOf>[] }
}

type Outcome = { row: InvitationRow } | { refusal: AppError }
type Terms = Pick<
  InvitationRow,
  'invitedByType' | 'invitedById' | 'invitedByName' | 'createdAt' | 'sentAt' | 'expiresAt'
>

async function inviteOne(ctx: TenantContext, { email, role, roleIds }: Wanted, terms: Terms): Promise<Outcome> {
  const row: InvitationRow = {
    ...terms,
    tenantId: ctx.tenant.id,
    id: newId(),
    email,
    role,
    roleIds,
    state: 'pending',
    sends: 1,
    acceptedAt: null,
    acceptedBy: null,
    revokedAt: null,
  }
  const token = makeToken()
  if (!(await insertInvitation(ctx.em, row, digestOf(token)))) return { refusal: invitationErrors.already_pending() }
  await mailInvitation(ctx, row, token)
  const made = { role, roleIds, expiresAt: row.expiresAt }
  ctx.record('invitation.created', {
    target: { type: 'invitation', id: row.id },
    changes: Object.fromEntries(Object.entries(made).map(([field, after]) => [field, { before: null, after }])),
  })
  return { row }
}

function resultOf({ email }: Wanted, outcome: Outcome, now: Date) {
  if ('row' in outcome) {
    return { email, outcome: 'invited' as const, invitation: describe(outcome.row, now), code: null, message: null }
  }
  const { code, message } = outcome.refusal
  return { email, outcome: 'rejected' as const, invitation: null, code, message }
}

/** Roles are those of this tenant: what is inherited from above is given there. */
async function refusalOf(
  ctx: TenantContext,
  standing: EffectivePermissions,
  { role, roleIds }: Wanted,
): Promise<AppError | null> {
  const roles = await findKnownRoles(ctx, roleIds)
  const known = new Set(roles.map(({ id }) => id))
  const issues = roleIds.flatMap((id, place) =>
    known.has(id) ? [] : [{ path: `roleIds.${place}`, message: 'There is no such role in this tenant.' }],
  )
  return issues.length > 0 ? requestErrors.invalid({ issues }) : givingRefusal(ctx, standing, { role, roles })
}

function wantedOf({ email, role, roleIds, invitations }: CreateInput): { one: Wanted | null; all: Wanted[] } {
  const told = { email, role, roleIds }
  if (invitations === undefined) {
    if (email !== undefined && role !== undefined) return { one: wanted({ email, role, roleIds }), all: [] }
    throw requestErrors.invalid({ issues: [...missing('email', email), ...missing('role', role)] })
  }
  const beside = Object.entries(told).filter(([, value]) => value !== undefined)
  if (beside.length === 0) return { one: null, all: invitations.map(wanted) }
  throw requestErrors.invalid({
    issues: beside.map(([path]) => ({ path, message: 'Leave it out beside `invitations`, which has its own.' })),
  })
}

const missing = (path: string, value: unknown): Issue[] =>
  value === undefined ? [{ path, message: 'Required, unless there are `invitations`.' }] : []

const wanted = ({ email, role, roleIds = [] }: { email: string; role: BaseRole; roleIds?: string[] | undefined }) => ({
  email: email.toLowerCase(),
  role,
  roleIds: [...new Set(roleIds)],
})
