import type { Actor } from '@tenantry/kernel/context/actor'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors, requestErrors, tenantSelectionErrors } from '@tenantry/kernel/contract/errors'
import { pageById } from '@tenantry/kernel/contract/page'
import type { z } from 'zod'
import { emitEvent } from '../event/index.ts'
import { periodOfTenant } from '../metering/index.ts'
import type { Meter } from '../plan/index.ts'
import { forgetTenant, maximumLevels, tenantErrors } from '../tenant/index.ts'
import type { moveTenant as moveOperation, getSubtreeUsage as usageOperation } from './contract.ts'
import { findSubtreeUsage, listChildren, listSubtree, type Move, moveSubtree, type SubtreeUsage } from './repository.ts'

type MoveInput = z.output<typeof moveOperation.input>
type UsageInput = z.output<typeof usageOperation.input>

const mostNodes = 1_000

export async function children(ctx: TenantContext, { limit, cursor }: { limit: number; cursor?: string | undefined }) {
  refuseProducts(ctx.actor)
  return pageById(await listChildren(ctx.em, cursor ?? null, limit + 1), limit)
}

export async function tree(ctx: TenantContext, { depth }: { depth: number }) {
  refuseProducts(ctx.actor)
  const nodes = await listSubtree(ctx.em, depth, mostNodes + 1)
  return { items: nodes.slice(0, mostNodes), truncated: nodes.length > mostNodes }
}

/** What they reach is one tenant, and an answer without those below it would look like the whole. */
function refuseProducts({ type }: Actor): void {
  if (type !== 'apiKey' && type !== 'service') return
  throw authErrors.permission_denied({}, 'API keys and services reach one tenant and none below it: ask as a user.')
}

/** Throws `tenant.not_found` for a parent that is none, `tenant.hierarchy_cycle` or `tenant.hierarchy_too_deep`. */
export async function move(ctx: TenantContext, { parentId, reason }: MoveInput) {
  const { id } = ctx.tenant
  const { outcome, formerParent, version, affected } = await moveSubtree(ctx.em, {
    parentId,
    maximumLevels,
    at: ctx.clock.now(),
  })
  refuseMove(outcome)
  const answer = { id, parentId, version, movedCount: affected.length }
  if (outcome === 'unmoved') return answer

  ctx.record('tenant.moved', {
    target: { type: 'tenant', id },
    changes: { parentId: { before: formerParent, after: parentId } },
    details: { reason, movedCount: affected.length },
  })
  forgetTenant(ctx, affected)
  await emitEvent(ctx, 'tenant.updated', { changed: ['parentId'], version })
  return answer
}

function refuseMove(outcome: Move['outcome']): void {
  if (outcome === 'cycle') throw tenantErrors.hierarchy_cycle({}, 'The new parent is this tenant, or stands below it.')
  if (outcome === 'too_deep') throw tenantErrors.hierarchy_too_deep()
  if (outcome !== 'no_parent') return
  const message = 'Expected the id of an active tenant that stands below none that is not.'
  throw tenantSelectionErrors.not_found(
    { issues: [{ path: 'parentId', message }] },
    'There is no active tenant of that id to stand below.',
  )
}

/** Throws `auth.permission_denied` where the caller's role ends at this tenant. */
export async function subtreeUsage(ctx: TenantContext, input: UsageInput) {
  const { from, to } = daysOf(ctx, input)
  const usage = await findSubtreeUsage(ctx.em, { from, to })
  if (!usage) throw authErrors.permission_denied({}, 'Your role here is not inherited by the tenants below.')
  const meters = Object.values(ctx.services.catalogue.meters).map(({ key, kind, unit, countedFrom }) => ({
    meter: key,
    kind,
    unit,
    used: usedOf(usage, { key, kind, countedFrom }),
  }))
  return { from, to, tenantCount: usage.tenants, memberCount: usage.people, meters }
}

function usedOf(usage: SubtreeUsage, { key, kind, countedFrom }: Pick<Meter, 'key' | 'kind' | 'countedFrom'>): number {
  if (countedFrom === 'memberships') return key === 'admins' ? usage.admins : usage.people
  if (countedFrom !== null && countedFrom !== 'product') return usage.owned[countedFrom] ?? 0
  return (kind === 'counter' ? usage.counted : usage.standing)[key] ?? 0
}

function daysOf(ctx: TenantContext, { from, to }: UsageInput): { from: string; to: string } {
  const { key, endsAt } = periodOfTenant('month', ctx.clock.now(), ctx.tenant)
  const lastInstant = new Date((endsAt?.getTime() ?? 0) - 1)
  const days = { from: from ?? key, to: to ?? periodOfTenant('day', lastInstant, ctx.tenant).key }
  if (days.from <= days.to) return days
  throw requestErrors.invalid({ issues: [{ path: 'to', message: 'Expected a day that is not before `from`.' }] })
}
