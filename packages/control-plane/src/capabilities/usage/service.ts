import type { CachedTenantContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { z } from 'zod'
import { emitEvent } from '../event/index.ts'
import { limitsOf } from '../limit/index.ts'
import { type EffectiveLimit, type Meter, planNamed } from '../plan/index.ts'
import { getUsage as getUsageOperation, type trackUsage as trackOperation, usageErrors } from './contract.ts'
import { type CounterValue, trackEvent, type UsageNow, usageNow } from './repository.ts'
import { crossedThresholds, percentOf, stateOf } from './rules/ladder.ts'
import { periodOfTenant } from './rules/tenant-period.ts'

type TrackInput = z.output<typeof trackOperation.input>

const latestDays = 31
const futureToleranceSeconds = 300
const bytesPerMegabyte = 1024 * 1024

export async function getUsage(ctx: CachedTenantContext) {
  const plan = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const snapshot = await readSnapshot(ctx)
  const limits = new Map(limitsOf(ctx, snapshot.overrides).map((limit) => [limit.meter, limit]))
  const described = Object.values(ctx.services.catalogue.meters).map((meter) => {
    const limit = limits.get(meter.key) as EffectiveLimit
    const { used, resetsAt } = countOf(ctx, snapshot, meter)
    return {
      meter: meter.key,
      kind: meter.kind,
      unit: meter.unit,
      used,
      limit: limit.limit,
      hardLimit: limit.hardLimit,
      percent: percentOf(used, limit.limit),
      state: stateOf(used, limit, plan.alertThresholds),
      resetsAt,
    }
  })
  return { meters: described, ...flatFields(described) }
}

/** Where one meter stands. `ctx` must be of an operation that keeps its answers under the name of `getUsage`'s. */
export async function getStanding(ctx: CachedTenantContext, key: string) {
  const meter = getMeter(ctx, key)
  const snapshot = await readSnapshot(ctx)
  const { limit, hardLimit } = limitsOf(ctx, snapshot.overrides).find(
    (candidate) => candidate.meter === key,
  ) as EffectiveLimit
  return { meter: key, limit, hardLimit, ...countOf(ctx, snapshot, meter) }
}

function readSnapshot(ctx: CachedTenantContext): Promise<UsageNow> {
  const meters = Object.values(ctx.services.catalogue.meters)
  return ctx.cached(async (read) => {
    const [row] = await read(usageNow, [
      meters.map(({ key }) => key),
      meters.map((meter) => currentPeriod(ctx, meter).key),
    ])
    if (!row) throw new Error('The counters answered nothing')
    return row
  })
}

function countOf(ctx: CachedTenantContext, snapshot: UsageNow, meter: Meter) {
  const { key, endsAt } = currentPeriod(ctx, meter)
  return { used: usedOf(snapshot, meter, key), resetsAt: endsAt?.toISOString() ?? null }
}

function currentPeriod({ services, tenant, clock }: CachedTenantContext, meter: Meter) {
  return periodOfTenant(meter.period, clock.now(), tenant, planNamed(services.catalogue, tenant.plan).periodAnchor)
}

function getMeter({ services }: Pick<TenantContext, 'services'>, key: string): Meter {
  const meter = services.catalogue.meters[key]
  if (!meter) throw usageErrors.unknown_meter({}, `The plan catalogue has no meter "${key}".`)
  return meter
}

/** Throws `usage.unknown_meter`, `usage.idempotency_conflict`, `usage.below_zero`, or `request.invalid` naming the field. */
export async function track(ctx: TenantContext, input: TrackInput) {
  const meter = getMeter(ctx, input.metric)
  checkAmount(meter, input.amount)
  const plan = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const receivedAt = ctx.clock.now()
  const occurredAt = occurredAtOf(input, receivedAt)

  const tracked = await trackEvent(ctx.em, {
    meter: meter.key,
    amount: input.amount,
    idempotencyKey: eventKeyOf(ctx, input),
    occurredAt,
    receivedAt,
    period: periodOfTenant(meter.period, occurredAt, ctx.tenant, plan.periodAnchor).key,
    day: periodOfTenant('day', occurredAt, ctx.tenant).key,
    properties: input.properties ?? null,
  })
  if (tracked.outcome === 'conflict') throw usageErrors.idempotency_conflict()
  refuseUncountable(tracked.used)

  const { used, revision, period } = tracked
  ctx.afterCommit(() => writeThrough(ctx, { meter: meter.key, period, used, revision }))
  const limit = limitsOf(ctx, tracked.overrides).find(({ meter: key }) => key === meter.key) as EffectiveLimit
  const { endsAt } = periodOfTenant(meter.period, tracked.occurredAt, ctx.tenant, plan.periodAnchor)
  const standing = {
    used,
    limit: limit.limit,
    state: stateOf(used, limit, plan.alertThresholds),
    resetsAt: endsAt?.toISOString() ?? null,
  }
  // The counter is locked until the commit: one call after another finds it where the last one left it.
  const before = tracked.outcome === 'accepted' ? used - input.amount : used
  for (const thresholdPercent of crossedThresholds({ before, after: used }, limit, plan.alertThresholds)) {
    const { hardLimit } = limit
    await emitEvent(ctx, 'usage.threshold_reached', { meter: meter.key, thresholdPercent, hardLimit, ...standing })
  }
  return { outcome: tracked.outcome, metric: meter.key, amount: input.amount, ...standing }
}

function checkAmount(meter: Meter, amount: number): void {
  const refuse = (message: string, path = 'amount') => requestErrors.invalid({ issues: [{ path, message }] })
  if (meter.kind === 'concurrency') throw refuse('Concurrency slots are taken by runs, not tracked.', 'metric')
  if (meter.countedFrom !== null)
    throw refuse(`This meter is counted from ${meter.countedFrom}; it cannot be tracked.`, 'metric')
  if (meter.kind === 'counter' && amount < 1) throw refuse('A counter takes whole amounts from 1.')
  if (amount === 0) throw refuse('Expected a change other than 0.')
}

/** Above 2^53 no figure that we answer would be exact any more. */
function refuseUncountable(used: number): void {
  if (Number.isSafeInteger(used)) return
  const message = 'The count would be larger than can be told exactly.'
  throw requestErrors.invalid({ issues: [{ path: 'amount', message }] })
}

function occurredAtOf({ occurredAt }: TrackInput, now: Date): Date {
  if (occurredAt === undefined) return now
  const at = new Date(occurredAt)
  const ageSeconds = (now.getTime() - at.getTime()) / 1000
  const refuse = (message: string) => requestErrors.invalid({ issues: [{ path: 'occurredAt', message }] })
  if (ageSeconds < -futureToleranceSeconds) throw refuse('Expected a time that is not in the future.')
  if (ageSeconds > latestDays * 86_400) throw refuse(`Expected a time within the last ${latestDays} days.`)
  return at
}

function eventKeyOf(ctx: TenantContext, { idempotencyKey }: TrackInput): string | null {
  if (idempotencyKey !== undefined && ctx.eventKey !== null && idempotencyKey !== ctx.eventKey) {
    throw requestErrors.invalid({
      issues: [{ path: 'idempotencyKey', message: 'Differs from the Idempotency-Key header.' }],
    })
  }
  return idempotencyKey ?? ctx.eventKey
}

async function writeThrough(ctx: TenantContext, value: CounterValue): Promise<void> {
  const name = getUsageOperation.cached?.name ?? ''
  await ctx.services.cache.update<UsageNow>(ctx.tenant.id, name, (snapshot) => {
    const others = snapshot.counters.filter(({ meter, period }) => meter !== value.meter || period !== value.period)
    const known = snapshot.counters.find(({ meter, period }) => meter === value.meter && period === value.period)
    return { ...snapshot, counters: [...others, known && known.revision > value.revision ? known : value] }
  })
}

function usedOf({ counters, seats, owned }: UsageNow, meter: Meter, period: string): number {
  if (meter.countedFrom === 'memberships') return meter.key === 'admins' ? seats.admins : seats.users
  if (meter.countedFrom !== null) return owned[meter.countedFrom]
  return counters.find((counter) => counter.meter === meter.key && counter.period === period)?.used ?? 0
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
