import type { PlatformContext } from '@tenantry/kernel/context/request-context'
import { tellChanges } from '../../member/index.ts'
import { lockMembers } from '../../role/index.ts'
import { userErrors } from '../contract.ts'
import {
  type ConcernedTenant,
  erasePerson,
  eraseUser,
  listConcernedTenants,
  listContactOf,
  listLeftWithoutOwner,
  listNamesakes,
  listOperatorKeys,
  type Person,
} from '../repository/erasure.ts'
import type { UserRow } from '../repository/users.ts'
import { getForChange } from './change-state.ts'

type Counted = Record<string, number>

/**
 * One transaction for all tenants: whoever it is refused for has lost nothing. Throws `user.not_found`, `user.oneself`,
 * and `user.last_owner` with the tenants that stand in the way.
 */
export async function erase(ctx: PlatformContext, { userId, reason }: { userId: string; reason?: string | undefined }) {
  const user = await getForChange(ctx, userId)
  const everyAddress = { id: userId, addresses: [...new Set([user.email.toLowerCase(), ...user.formerEmails])] }
  const namesakes = await listNamesakes(ctx.em, everyAddress)
  const addresses = everyAddress.addresses.filter((address) => namesakes.every((other) => other.address !== address))
  const person = { id: userId, addresses }
  const locked = new Set<string>()
  await lockConcernedTenants(ctx, person, locked)
  // Only now: whoever lets the person in holds the lock of their tenant, and waits for this row.
  await getForChange(ctx, userId, { toErase: true })
  const tenants = await lockConcernedTenants(ctx, person, locked)
  await refuseLastOwner(ctx, person, tenants)
  const operatorKeys = await listOperatorKeys(ctx.em, person)
  const contactOf = await listContactOf(ctx.em, everyAddress)

  const counted: Counted = {}
  for (const tenant of tenants) add(counted, await eraseInTenant(ctx, user, tenant))
  for (const tenant of tenants) await tellMembers(ctx, user, tenant)
  const isFirst = user.state !== 'erased'
  const erasedAt = isFirst || user.stateChangedAt === null ? ctx.clock.now() : user.stateChangedAt
  const platform = await eraseUser(ctx.em, userId, erasedAt)
  add(counted, { platform_audit_entries: platform, users: Number(isFirst) })
  if (sum(counted) > 0) {
    ctx.record('user.erased', {
      target: { type: 'user', id: userId },
      ...(isFirst ? { changes: { state: { before: user.state, after: 'erased' } } } : {}),
      details: { ...(reason === undefined ? {} : { reason }), rows: counted },
    })
  }
  ctx.afterCommit(() => ctx.services.forgetUser(userId))
  const tables = Object.entries(counted).map(([table, rows]) => ({ table, rows }))
  return {
    userId,
    pseudonym: `erased-${userId}@erased.invalid`,
    erasedAt,
    tables,
    contactOf,
    operatorKeys,
    addressSharedWith: namesakes.map(({ id }) => id),
  }
}

/** As they are once nobody else may change who belongs to them: any of them may have let the person in until then. */
async function lockConcernedTenants(
  { em }: PlatformContext,
  person: Person,
  locked: Set<string>,
): Promise<ConcernedTenant[]> {
  for (;;) {
    const tenants = await listConcernedTenants(em, person)
    const others = tenants.map(({ id }) => id).filter((id) => !locked.has(id))
    if (others.length === 0) return tenants
    await lockMembers(em, others)
    for (const id of others) locked.add(id)
  }
}

async function refuseLastOwner(ctx: PlatformContext, person: Person, tenants: readonly ConcernedTenant[]) {
  const ids = tenants.map(({ id }) => id)
  const left = await listLeftWithoutOwner(ctx.em, person, ids)
  if (left.length === 0) return
  const named = left.slice(0, 5).join(', ')
  const more = left.length > 5 ? ` and ${left.length - 5} more` : ''
  throw userErrors.last_owner(
    { tenants: left },
    `No other owner: ${named}${more}. Give each another owner first; one that is being deleted is restored for that, or purged.`,
  )
}

function eraseInTenant(ctx: PlatformContext, { id: userId }: UserRow, { id, role }: ConcernedTenant): Promise<Counted> {
  return ctx.inTenant(id, async ({ em, record }) => {
    const counted = await erasePerson(em, userId)
    const target = { type: 'user', id: userId }
    if (role !== null) record('member.removed', { target, changes: { role: { before: role, after: null } } })
    if (sum(counted) > 0) record('user.erased', { target, details: { rows: counted } })
    return counted
  })
}

/** After all that the transaction locks: until its end it holds back the other events of those tenants. */
async function tellMembers(ctx: PlatformContext, { id: userId }: UserRow, { id, role }: ConcernedTenant) {
  if (role === null) return
  await ctx.inTenant(id, (unit) =>
    tellChanges({ ...ctx, ...unit, tenant: { id } }, [{ userId, before: role, after: null }]),
  )
}

const sum = (counted: Counted) => Object.values(counted).reduce((total, rows) => total + rows, 0)

function add(counted: Counted, more: Counted): void {
  for (const [table, rows] of Object.entries(more)) counted[table] = (counted[table] ?? 0) + rows
}
