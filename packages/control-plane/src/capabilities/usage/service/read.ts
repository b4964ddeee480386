import type { CachedTenantContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { readWithin } from '@tenantry/kernel/tenancy/tenant-query'
import { limitsOf } from '../../limit/index.ts'
import { type CounterValue, periodOfTenant, slotsValue, spanOf } from '../../metering/index.ts'
import { type EffectiveLimit, type Meter, planNamed } from '../../plan/index.ts'
import { type UsageNow, usageNow } from '../repository.ts'
import { limitNow, percentOf, remainingOf, stateOf } from '../rules/ladder.ts'
import { getMeter } from './track.ts'

export type UsageReader = Pick<CachedTenantContext, 'services' | 'tenant' | 'clock' | 'cached'>

const bytesPerMegabyte = 1024 * 1024

type Metered = Pick<CachedTenantContext, 'services' | 'tenant' | 'clock'>

export async function getUsage(ctx: UsageReader) {
  const described = describeMeters(ctx, await readSnapshot(ctx))
  return { meters: described, ...flatFields(described) }
}

/** Where every meter stands by these counts, under the plan that `ctx` names. */
export function describeMeters(ctx: Metered, snapshot: UsageNow) {
  const plan = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const limits = new Map(limitsOf(ctx, snapshot.overrides).map((limit) => [limit.meter, limit]))
  return Object.values(ctx.services.catalogue.meters).map((meter) => {
    const { used, held, resetsAt, ...counted } = countOf(ctx, snapshot, meter)
    const limit = limitNow(limits.get(meter.key) as EffectiveLimit, { used, ...counted })
    return {
      meter: meter.key,
      kind: meter.kind,
      unit: meter.unit,
      used,
      held,
      limit: limit.limit,
      hardLimit: limit.hardLimit,
      percent: percentOf(used, limit.limit),
      state: stateOf(used, limit, plan.alertThresholds),
      resetsAt,
    }
  })
}

/** Where one meter stands. `ctx` must be of an operation that keeps its answers under the name of `getUsage`'s. */
export async function getStanding(ctx: UsageReader, key: string) {
  const meter = getMeter(ctx, key)
  const snapshot = await readSnapshot(ctx)
  const { used, held, resetsAt, ...counted } = countOf(ctx, snapshot, meter)
  const found = limitsOf(ctx, snapshot.overrides).find((candidate) => candidate.meter === key) as EffectiveLimit
  const { limit, hardLimit } = limitNow(found, { used, ...counted })
  return { meter: key, limit, hardLimit, used, held, remaining: remainingOf(used + held, hardLimit), resetsAt }
}

/** Throws `usage.unknown_meter`. */
export async function checkUsage(ctx: CachedTenantContext, { metric, amount }: { metric: string; amount: number }) {
  const { meter, ...standing } = await getStanding(ctx, metric)
  const { alertThresholds } = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const allowed = standing.remaining === null || amount <= standing.remaining
  return { allowed, metric: meter, ...standing, state: stateOf(standing.used, standing, alertThresholds) }
}

const readSnapshot = (ctx: UsageReader): Promise<UsageNow> =>
  ctx.cached(async (read) => snapshotFrom(await read(usageNow, periodsOf(ctx))))

/** What is counted now, as this transaction sees it. */
export const readSnapshotIn = async (ctx: Metered & Pick<TenantContext, 'em'>): Promise<UsageNow> =>
  snapshotFrom(await readWithin(ctx.em, usageNow, [ctx.tenant.id, ...periodsOf(ctx)]))

function snapshotFrom([row]: UsageNow[]): UsageNow {
  if (!row) throw new Error('The counters answered nothing')
  return { ...row, counters: [...row.counters, slotsValue(row.slots)] }
}

function periodsOf(ctx: Metered): [string[], string[], string] {
  const meters = Object.values(ctx.services.catalogue.meters)
  const periods = meters.map((meter) => currentPeriod(ctx, meter).key)
  return [meters.map(({ key }) => key), periods, ctx.clock.now().toISOString()]
}

function countOf(ctx: Metered, snapshot: UsageNow, meter: Meter) {
  const now = ctx.clock.now()
  const { key, endsAt } = currentPeriod(ctx, meter)
  const { periodAnchor } = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const counter = snapshot.counters.find((candidate) => candidate.meter === meter.key && candidate.period === key)
  const waiting = snapshot.held.filter(
    ({ meter: of, period, expiresAt }) => of === meter.key && period === key && new Date(expiresAt) > now,
  )
  return {
    held: waiting.reduce((sum, { amount }) => sum + amount, 0),
    used: usedOf(snapshot, meter, counter === undefined ? 0 : countedNow(counter, now)),
    resetsAt: endsAt?.toISOString() ?? null,
    overSince: counter?.overSince ? new Date(counter.overSince) : null,
    isSameSpan: counter?.overSpan === spanOf(meter.period, now, ctx.tenant, periodAnchor).span,
    now,
  }
}

/** A lease that has ended holds nothing, whatever was kept. */
const countedNow = ({ used, ends }: CounterValue, now: Date): number =>
  ends === undefined ? used : ends.filter((end) => new Date(end) > now).length

function currentPeriod({ services, tenant, clock }: Metered, meter: Meter) {
  return periodOfTenant(meter.period, clock.now(), tenant, planNamed(services.catalogue, tenant.plan).periodAnchor)
}

function usedOf({ seats, owned }: UsageNow, meter: Meter, counted: number): number {
  if (meter.countedFrom === 'memberships') return meter.key === 'admins' ? seats.admins : seats.users
  return meter.countedFrom === null || meter.countedFrom === 'product' ? counted : owned[meter.countedFrom]
}

function flatFields(meters: { meter: string; used: number; limit: number | null }[]) {
  const of = (key: string) => meters.find(({ meter }) => meter === key) ?? { used: 0, limit: 0 }
  const limitOf = (key: string) => of(key).limit ?? -1
  return {
    usersCount: of('users').used,
    usersLimit: limitOf('users'),
    teamsCount: of('teams').used,
    teamsLimit: limitOf('teams'),
    conversationsCount: of('conversations').used,
    conversationsLimit: limitOf('conversations'),
    tokensUsed: of('tokens').used,
    tokensLimit: limitOf('tokens'),
    storageUsedMb: Math.round((of('storage').used / bytesPerMegabyte) * 100) / 100,
    apiCallsToday: of('api_calls').used,
  }
}
