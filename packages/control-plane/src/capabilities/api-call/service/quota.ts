import type { CallQuota, Dependencies, ExhaustedQuota, TenantAccess } from '@tenantry/kernel/context/dependencies'
import { createTally, type Tally } from '@tenantry/kernel/group-commit/tally'
import { LRUCache } from 'lru-cache'
import { isKept, periodOfTenant, type WrittenItem } from '../../metering/index.ts'
import { type Meter, planNamed } from '../../plan/index.ts'
import { lookUpStanding } from '../../usage/index.ts'
import { type CallItem, callItem, callMeter, callPeriod, sentAt } from './item.ts'

type Tenant = TenantAccess['tenant']
type Surroundings = Pick<Dependencies, 'services' | 'database' | 'clock' | 'logger'>
type Standing = Pick<WrittenItem, 'used' | 'hardLimit'>

/** To be closed before the engine is. */
export interface ApiCalls extends CallQuota<Tenant>, Pick<Tally<Tenant>, 'flush' | 'close'> {}

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    apiCalls: ApiCalls
  }
}

/** How old what is looked up may be before a call is refused. */
const maxAgeSeconds = 1
const mostKnown = 50_000
const daySeconds = 86_400

/**
 * Counts API calls, and refuses them once they are used up, a few calls late. What the engine answered last tells which
 * calls need no look-up; what it would refuse is looked up first, so that whatever makes room is seen at once.
 */
export function createApiCalls(
  dependencies: () => Surroundings,
  { clock, logger }: Pick<Surroundings, 'clock' | 'logger'>,
): ApiCalls {
  const known = new LRUCache<string, Standing>({ max: mostKnown })
  const tally = createTally<Tenant, CallItem>({
    clock,
    logger,
    periodOf: (tenant, at) => callPeriod(dependencies().services.catalogue, tenant, at),
    itemOf: (tenant, calls, since) => callItem(dependencies().services.catalogue, { tenant, calls, since }),
    write: async (calls) => {
      const { catalogue, metering } = dependencies().services
      const item = sentAt(catalogue, calls, clock.now())
      // Kept here until it is: what waited elsewhere would be missing from what is known to be used.
      const answer = await metering.writeUndeferred(item)
      if (!isKept(answer.outcome)) {
        // Of a tenant that was purged meanwhile, if nothing is wrong.
        const { tenantId, amount } = item
        logger.warn({ tenantId, calls: amount, outcome: answer.outcome }, 'calls that were answered are not counted')
      } else if (item.isCurrent) known.set(item.tenantId, answer)
    },
  })

  async function lookUp(tenant: Tenant): Promise<ExhaustedQuota | null> {
    const meter = callMeter(dependencies().services.catalogue)
    if (meter === null) return null
    const standing = await lookUpStanding(dependencies(), tenant, { meter: meter.key, maxAgeSeconds })
    known.set(tenant.id, standing)
    const { limit, hardLimit } = standing
    const used = standing.used + tally.unwritten(tenant).waiting
    if (hardLimit === null || used < hardLimit) return null
    return { meter: meter.key, used, limit, hardLimit, ...windowOf(dependencies(), meter, tenant) }
  }

  return {
    count: tally.count,
    exhausted: (tenant) => {
      const last = known.get(tenant.id)
      if (last === undefined || last.hardLimit === null) return null
      const { waiting, sent } = tally.unwritten(tenant)
      return last.used + waiting + sent < last.hardLimit ? null : lookUp(tenant)
    },
    flush: tally.flush,
    close: tally.close,
  }
}

function windowOf({ services: { catalogue }, clock }: Surroundings, meter: Meter, tenant: Tenant) {
  const now = clock.now()
  const { periodAnchor } = planNamed(catalogue, tenant.plan)
  const { startsAt, endsAt } = periodOfTenant(meter.period, now, tenant, periodAnchor)
  // What is counted for good is never counted anew: a day later is as good as any other time.
  if (endsAt === null) return { resetsAt: new Date(now.getTime() + daySeconds * 1_000), windowSeconds: daySeconds }
  return { resetsAt: endsAt, windowSeconds: Math.round((endsAt.getTime() - startsAt.getTime()) / 1_000) }
}
