import type { Budget, Dependencies, TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { AnyOperation, RateLimitClass } from '@tenantry/kernel/contract/operation'
import type { Mailer } from '@tenantry/kernel/mail/mailer'
import type { OperationMeta } from '@tenantry/kernel/trpc/init'
import { migrations } from '../migrations/index.ts'
import { createDirectory, listInactive } from './capabilities/access/index.ts'
import { type ApiKeyOptions, createApiKeys } from './capabilities/api-key/index.ts'
import { auditLog } from './capabilities/audit/index.ts'
import { explainPath } from './capabilities/decision/index.ts'
import { createEventStreams, type EventStreamOptions } from './capabilities/event/index.ts'
import { createIsolation } from './capabilities/isolation/index.ts'
import type { OnboardingOptions } from './capabilities/onboarding/index.ts'
import { type PlanCatalogue, planNamed } from './capabilities/plan/index.ts'
import { readRateLimits } from './capabilities/settings/index.ts'
import { listPlansInUse } from './capabilities/tenant/index.ts'
import { expectedDatabase } from './inspection.ts'
import { joinAsOwner } from './join-as-owner.ts'
import { appRouter } from './router.ts'
import { version } from './version.ts'

/** What `createDependencies` makes itself. */
type Made = 'directory' | 'apiKeys' | 'auditLog' | 'budget' | 'explainPath' | 'platformAccess' | 'services'

export type ControlPlaneParts = Omit<Dependencies, Made> &
  Pick<Dependencies['services'], 'bus' | 'cache'> & {
    catalogue: PlanCatalogue
    apiKeyTexts: ApiKeyOptions['texts']
    /** Whether the doors know platform admins; they do unless told. */
    platformAccess?: boolean
    streams?: Partial<Omit<EventStreamOptions, 'bus' | 'look'>>
    onboarding?: Partial<OnboardingOptions>
    mailer?: Mailer | null
    /** How long a tenant that was deleted can be restored; 30 unless told. */
    deletionRetentionDays?: number
  }

const minute = 60
const hour = 3_600
const budgetSeconds = 60

/** Of one user, and from one address, which may be that of many users. */
const signUps: Budget = { points: 10, windowSeconds: hour }

const changedTenants = 'tenants.changed'
const watcher = { type: 'system', name: 'streams' } as const

/** What callers without a tenant share, per address or principal. */
const outsideTenants: Budget = { points: 120, windowSeconds: minute }

/** Joins the kernel's parts with what the product answers itself. */
export function createDependencies(given: ControlPlaneParts): Dependencies {
  const {
    bus,
    cache,
    catalogue,
    apiKeyTexts,
    streams,
    onboarding,
    mailer = null,
    platformAccess = true,
    deletionRetentionDays = 30,
    ...parts
  } = given
  const directory = createDirectory({
    database: parts.database,
    clock: parts.clock,
    claimOwnership: (user, tenantId) => joinAsOwner(dependencies, user, tenantId),
  })
  const apiKeys = createApiKeys({ ...parts, directory, catalogue, texts: apiKeyTexts })

  const forgetHere = (tenantId: string) => {
    directory.forget(tenantId)
    apiKeys.forgetTenant(tenantId)
    eventStreams.wake(tenantId)
  }
  bus.subscribe(changedTenants, (tenantId) => forgetHere(String(tenantId)))
  const forgetAccess = (tenantId: string) => {
    // At once in this process, whose caller may ask again before any message is back.
    forgetHere(tenantId)
    void bus.publish(changedTenants, tenantId)
  }

  async function budget(limit: RateLimitClass, tenant: TenantAccess['tenant'] | null): Promise<Budget> {
    if (limit === 'sign_up') return signUps
    if (limit === 'public' || tenant === null) return outsideTenants
    const own = await cache.getOrLoad(tenant.id, 'budget', budgetSeconds, () =>
      readRateLimits((query, values) => parts.database.tenantRead({ tenantId: tenant.id }, query, values)),
    )
    const { rateLimits } = planNamed(catalogue, tenant.plan)
    const budgets: Record<Exclude<RateLimitClass, 'public' | 'sign_up'>, Budget> = {
      read: { points: own.requestsPerMinute ?? rateLimits.requestsPerMinute, windowSeconds: minute },
      write: { points: rateLimits.writesPerMinute, windowSeconds: minute },
      // As often as a product reports usage: it asks before each of its own requests.
      access: { points: rateLimits.usageCallsPerMinute, windowSeconds: minute },
      settings_update: { points: own.updatesPerHour ?? rateLimits.settingsUpdatesPerHour, windowSeconds: hour },
      usage: { points: rateLimits.usageCallsPerMinute, windowSeconds: minute },
    }
    return budgets[limit]
  }

  const eventStreams = createEventStreams({
    bus,
    heartbeatMilliseconds: 15_000,
    streamsPerTenant: 50,
    ...streams,
    look: async (tenantIds) => {
      const inactive = await listInactive(parts.database, watcher, tenantIds).catch(() => [])
      for (const tenantId of inactive) forgetHere(tenantId)
    },
  })
  const isolation = createIsolation({
    database: parts.database,
    clock: parts.clock,
    expected: expectedDatabase,
    migrations: migrations.map(({ name }) => name),
    version,
  })
  const services = {
    bus,
    cache,
    catalogue,
    apiKeys,
    decisions: { findAccess: directory.findAccess, budget, operationsNeeding },
    deletionRetentionDays,
    eventStreams,
    forgetAccess,
    isolation,
    mailer,
    onboarding: { selfService: false, region: 'default', ...onboarding },
  }
  const dependencies: Dependencies = {
    ...parts,
    directory,
    apiKeys,
    auditLog,
    budget,
    explainPath,
    platformAccess,
    services,
  }
  return dependencies
}

function operationsNeeding(permission: string): { name: string; operation: AnyOperation }[] {
  // The types nest what stands flat there at run time, by path.
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { meta: OperationMeta } }>
  return Object.entries(procedures)
    .map(([name, { _def }]) => ({ name, operation: _def.meta.operation }))
    .filter(({ operation }) => operation.permission === permission)
}

/** Plans that tenants have but the catalogue does not: these tenants are served as the lowest plan. */
export async function findMissingPlans({ database, services }: Dependencies): Promise<string[]> {
  const actor = { type: 'system', name: 'catalogue' } as const
  const inUse = await database.platformUnit({ actor, readOnly: true }, listPlansInUse)
  return inUse.filter((plan) => services.catalogue.plan(plan) === null)
}
