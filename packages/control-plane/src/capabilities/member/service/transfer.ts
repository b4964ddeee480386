import type { TenantContext, TwoTenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import {
  type BaseRole,
  baseGrant,
  type EffectivePermissions,
  grantRefusal,
  heldBy,
  isSeniorRole,
  managingRefusal,
} from '../../access/index.ts'
import { findRoom, requireRoom } from '../../metering/index.ts'
import { beginChange, findStandings, standingNow } from '../../role/index.ts'
import { memberErrors, type transferMembers as transferOperation } from '../contract.ts'
import { findMembers, insertMembers } from '../repository.ts'
import { planTransfer, type Refusal, type TransferPlan, type TransferResult } from '../rules/transfer.ts'
import { recordChange, tellChanges } from './changed.ts'
import { endMemberships } from './ending.ts'
import { isCaller, listActiveOwnerIds } from './standing.ts'

type TransferInput = Omit<z.output<typeof transferOperation.input>, 'tenantId' | 'toTenantId'>
type Done = Extract<TransferResult, { refusal: null }>

/** Everything is looked at, and then done, under the locks of both tenants: what one item is told holds for it. */
export async function transfer(ctx: TwoTenantContext, { mode, userIds, roleMap, dryRun }: TransferInput) {
  const standing = await beginChange(ctx, 'members:manage', [ctx.tenant.id, ctx.second.tenant.id])
  const items = await itemsOf(ctx, standing, { mode, userIds })
  const owners = await listActiveOwnerIds(ctx)
  const results = await ctx.inSecond(async (second) => {
    const planned = planTransfer({ mode, roleMap, items, owners, ...(await lookAhead(second, userIds)) })
    if (!dryRun) await arrive(second, doneOf(planned), ctx.tenant.id)
    return planned
  })
  if (!dryRun) await depart(ctx, doneOf(results), mode)
  return { dryRun, results: results.map(told) }
}

const userIdsOf = (done: readonly Done[]) => done.map(({ userId }) => userId)

const doneOf = (results: TransferResult[]) => results.filter((result): result is Done => result.refusal === null)

const told = ({ userId, outcome, role, refusal }: TransferResult) => ({
  userId,
  outcome,
  role,
  code: refusal?.code ?? null,
  message: refusal?.message ?? null,
})

async function itemsOf(
  ctx: TenantContext,
  standing: EffectivePermissions,
  { mode, userIds }: Pick<TransferInput, 'mode' | 'userIds'>,
): Promise<TransferPlan['items']> {
  const members = new Map((await findMembers(ctx.em, userIds)).map((member) => [member.userId, member]))
  const standings = await findStandings(ctx, userIds)
  const takingRefusal = (userId: string): Refusal | null => {
    const held = standings.get(userId)
    if (mode === 'copy' || !held || isCaller(ctx, userId)) return null
    return refusalOf(managingRefusal(standing, heldBy(held)))
  }
  return userIds.map((userId) => {
    const member = members.get(userId)
    if (!member) return { userId, role: null, refusal: refusalOf(memberErrors.not_found) }
    const { directRole: role } = member
    if (role === null) return { userId, role, refusal: refusalOf(memberErrors.inherited) }
    if (!standings.get(userId)?.isActive) return { userId, role, refusal: refusalOf(memberErrors.deactivated) }
    return { userId, role, refusal: takingRefusal(userId) }
  })
}

const refusalOf = (refusal: Refusal | null): Refusal | null =>
  refusal && { code: refusal.code, message: refusal.message }

async function lookAhead(second: TenantContext, userIds: readonly string[]) {
  const standing = await standingNow(second, 'members:manage')
  const there = await findMembers(second.em, userIds)
  const admins = await findRoom(second, 'admins')
  const users = await findRoom(second, 'users')
  return {
    known: new Set(there.filter(({ directRole }) => directRole !== null).map(({ userId }) => userId)),
    room: { users, admins },
    refuseGrant: (role: BaseRole) => refusalOf(grantRefusal(standing, baseGrant(role, second.services.scopes))),
  }
}

async function arrive(second: TenantContext, done: readonly Done[], fromTenantId: string): Promise<void> {
  if (done.length === 0) return
  const joinedAt = second.clock.now()
  // They fit, as was looked at; alerts are raised for those that come.
  const seniors = done.filter(({ role }) => isSeniorRole(role)).length
  if (seniors > 0) await requireRoom(second, 'admins', { adding: seniors })
  await requireRoom(second, 'users', { adding: done.length })
  await insertMembers(
    second.em,
    done.map(({ userId, role }) => ({ userId, role, joinedAt })),
  )
  const changes = done.map(({ userId, role }) => ({ userId, before: null, after: role }))
  for (const change of changes) recordChange(second, 'member.transferred', { ...change, details: { fromTenantId } })
  await tellChanges(second, changes)
}

async function depart(ctx: TwoTenantContext, done: readonly Done[], mode: TransferInput['mode']): Promise<void> {
  if (done.length === 0) return
  const isMove = mode === 'move'
  const details = { toTenantId: ctx.second.tenant.id, mode }
  const changes = done.map(({ userId, before }) => ({ userId, before, after: isMove ? null : before }))
  const endedOf = isMove && (await endMemberships(ctx, userIdsOf(done)))
  for (const change of changes)
    recordChange(ctx, 'member.transferred', {
      ...change,
      details,
      ...(endedOf && { taken: endedOf(change.userId).taken }),
    })
  if (isMove) await tellChanges(ctx, changes)
}
