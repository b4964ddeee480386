import type { Budget, Database, Dependencies } from '@tenantry/kernel/context/dependencies'
import type { RateLimitClass } from '@tenantry/kernel/contract/operation'
import { type PlanCatalogue, planNamed } from './capabilities/plan/index.ts'
import { readRateLimits } from './capabilities/settings/index.ts'

const minute = 60
const hour = 3_600
const budgetSeconds = 60

/** Of one user, and from one address, which may be that of many users. */
const signUps: Budget = { points: 10, windowSeconds: hour }

/** Looked at and accepted from one address: enough for an office on its first day, far too little to guess by. */
const invitations: Budget = { points: 60, windowSeconds: minute }

/**
 * Refusals to select a tenant, of one principal: more than a client makes that has not heard of a membership's end, and
 * too few to find out which tenants there are.
 */
const refusedSelections: Budget = { points: 30, windowSeconds: minute }

/** What callers without a tenant share, per address or principal. */
const outsideTenants: Budget = { points: 120, windowSeconds: minute }

/** How many calls a caller has, by the plan of the tenant and its own settings. */
export function createBudgets({
  cache,
  catalogue,
  database,
}: Pick<Dependencies['services'], 'cache'> & { catalogue: PlanCatalogue; database: Database }): Dependencies['budget'] {
  return async (limit, tenant) => {
    if (limit === 'sign_up') return signUps
    if (limit === 'invitation') return invitations
    if (limit === 'selection') return refusedSelections
    if (limit === 'public' || tenant === null) return outsideTenants
    const own = await cache.getOrLoad(tenant.id, 'budget', budgetSeconds, () =>
      readRateLimits((query, values) => database.tenantRead({ tenantId: tenant.id }, query, values)),
    )
    const { rateLimits } = planNamed(catalogue, tenant.plan)
    const budgets: Record<Exclude<RateLimitClass, 'public' | 'sign_up' | 'invitation'>, Budget> = {
      read: { points: own.requestsPerMinute ?? rateLimits.requestsPerMinute, windowSeconds: minute },
      write: { points: rateLimits.writesPerMinute, windowSeconds: minute },
      // As often as a product reports usage: it asks before each of its own requests.
      access: { points: rateLimits.usageCallsPerMinute, windowSeconds: minute },
      settings_update: { points: own.updatesPerHour ?? rateLimits.settingsUpdatesPerHour, windowSeconds: hour },
      usage: { points: rateLimits.usageCallsPerMinute, windowSeconds: minute },
    }
    return budgets[limit]
  }
}
