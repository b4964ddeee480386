import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { AppError, Issue } from '@tenantry/kernel/errors/app-error'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { z } from 'zod'
import type { BaseRole, EffectivePermissions } from '../../access/index.ts'
import { type Acquaintance, findAcquaintancesBy, memberErrors } from '../../member/index.ts'
import { beginChange, findKnownRoles } from '../../role/index.ts'
import { type createInvitation as createOperation, invitationErrors } from '../contract.ts'
import { type InvitationRow, insertInvitations } from '../repository.ts'
import { digestOf, makeToken } from '../rules/token.ts'
import { describe } from './describe.ts'
import { type Given, givingRefusal } from './giving.ts'
import { requireMailRoom, requirePendingRoom } from './mail-room.ts'
import { inviterOf, type Letter, mailInvitations } from './send.ts'

type CreateInput = z.output<typeof createOperation.input>

interface Wanted {
  email: string
  role: BaseRole
  roleIds: string[]
}

/**
 * Throws `request.invalid` where neither one nor many are named; for one, `auth.permission_denied` for a role that holds
 * more than the caller, `invitation.already_pending`, `invitation.already_member` and `member.deactivated`, which of many
 * stand beside each; `invitation.too_many_pending`, `rate_limit.exceeded`.
 */
export async function create(ctx: TenantContext, input: CreateInput) {
  const { one, all } = wantedOf(input)
  const standing = await beginChange(ctx, 'members:manage')
  const wanted = one ? [one] : all
  const outcomes = await inviteAll(ctx, wanted, { standing, expiresInSeconds: input.expiresInSeconds })
  const now = ctx.clock.now()
  const [outcome] = outcomes
  if (!one || !outcome) return { results: outcomes.map((each) => resultOf(each, now)) }
  if (outcome.refusal) throw outcome.refusal
  return describe(outcome.row, now)
}

type Outcome = { email: string; refusal: AppError } | (Letter & { email: string; refusal: null })

/** How many statements it takes does not depend on how many there are: all others who change members wait. */
async function inviteAll(
  ctx: TenantContext,
  wanted: readonly Wanted[],
  { standing, expiresInSeconds }: { standing: EffectivePermissions; expiresInSeconds: number },
): Promise<Outcome[]> {
  const roles = await findKnownRoles(
    ctx,
    wanted.flatMap(({ roleIds }) => roleIds),
  )
  const known = new Map(roles.map((role) => [role.id, role]))
  const acquaintances = await findAcquaintancesBy(
    ctx.em,
    wanted.map(({ email }) => email),
  )
  const inviter = await inviterOf(ctx)
  const sentAt = ctx.clock.now()
  const terms = {
    ...inviter,
    createdAt: sentAt,
    sentAt,
    expiresAt: new Date(sentAt.getTime() + expiresInSeconds * 1_000),
  }
  const refusals = wanted.map((each) => refusalOf(ctx, standing, { ...each, known, acquaintances }))
  const recipients = wanted.filter((_, place) => refusals[place] === null).map(({ email }) => email)
  await requirePendingRoom(ctx, recipients.length)
  const mailRefusalOf = await requireMailRoom(ctx, recipients)
  const drafted = wanted.map((each, place): Outcome => {
    const refusal = refusals[place] ?? mailRefusalOf(each.email)
    const { email } = each
    return refusal ? { email, refusal } : { email, refusal: null, row: rowOf(ctx, each, terms), token: makeToken() }
  })
  const drafts = drafted.filter(isLetter)
  const inserted = await insertInvitations(
    ctx.em,
    drafts.map(({ row, token }) => ({ row, tokenDigest: digestOf(token) })),
  )
  const made = drafts.filter(({ row }) => inserted.has(row.id))
  await mailInvitations(ctx, made)
  for (const { row } of made) record(ctx, row)
  return drafted.map((outcome) =>
    outcome.refusal || inserted.has(outcome.row.id)
      ? outcome
      : { email: outcome.email, refusal: invitationErrors.already_pending() },
  )
}

const isLetter = (outcome: Outcome): outcome is Extract<Outcome, { refusal: null }> => outcome.refusal === null

type Terms = Pick<
  InvitationRow,
  'invitedByType' | 'invitedById' | 'invitedByName' | 'createdAt' | 'sentAt' | 'expiresAt'
>

const rowOf = ({ tenant }: TenantContext, { email, role, roleIds }: Wanted, terms: Terms): InvitationRow => ({
  ...terms,
  tenantId: tenant.id,
  id: newId(),
  email,
  role,
  roleIds,
  state: 'pending',
  sends: 1,
  acceptedAt: null,
  acceptedBy: null,
  revokedAt: null,
})

function record(ctx: TenantContext, { id, role, roleIds, expiresAt }: InvitationRow): void {
  const made = { role, roleIds, expiresAt }
  ctx.record('invitation.created', {
    target: { type: 'invitation', id },
    changes: Object.fromEntries(Object.entries(made).map(([field, after]) => [field, { before: null, after }])),
  })
}

function resultOf(outcome: Outcome, now: Date) {
  const { email, refusal } = outcome
  if (refusal) {
    const { code, message, details } = refusal
    return { email, outcome: 'rejected' as const, invitation: null, code, message, issues: details.issues ?? [] }
  }
  const invitation = describe(outcome.row, now)
  return { email, outcome: 'invited' as const, invitation, code: null, message: null, issues: [] }
}

/** What was looked up for all at once. */
interface Known {
  known: ReadonlyMap<string, Given['roles'][number]>
  /** By address. */
  acquaintances: ReadonlyMap<string, readonly Acquaintance[]>
}

/** Roles are those of this tenant: what is inherited from above is given there. */
function refusalOf(
  ctx: TenantContext,
  standing: EffectivePermissions,
  { email, role, roleIds, known, acquaintances }: Wanted & Known,
): AppError | null {
  const roles = roleIds.flatMap((id) => known.get(id) ?? [])
  const issues = roleIds.flatMap((id, place) =>
    known.has(id) ? [] : [{ path: `roleIds.${place}`, message: 'There is no such role in this tenant.' }],
  )
  if (issues.length > 0) return requestErrors.invalid({ issues })
  return givingRefusal(ctx, standing, { role, roles }) ?? needlessRefusal(acquaintances.get(email) ?? [])
}

/** Told of those only whom the caller knows: whoever else has the address, nobody learns of. */
function needlessRefusal(known: readonly Acquaintance[]): AppError | null {
  if (known.length === 0) return null
  if (known.every(({ isMember }) => isMember)) {
    return invitationErrors.already_member({}, 'Whoever has this address is a member of this tenant already.')
  }
  return known.some(({ isActive }) => isActive) ? null : memberErrors.deactivated()
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
