import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { AppError } from '@tenantry/kernel/errors/app-error'
import type { ScheduledJob } from '@tenantry/kernel/jobs/jobs'
import { createInternalCaller } from './caller.ts'
import { listEndedSuspensions, purgeDue } from './capabilities/lifecycle/index.ts'
import { deliverMails } from './capabilities/mail/index.ts'
import { eventRetentionDays, listOutdatedTenants, listWaitingTenants } from './capabilities/metering/index.ts'
import { resumeOnboardings } from './capabilities/onboarding/index.ts'
import { listTenantsWithGone, loseGone } from './capabilities/run/index.ts'
import { applyDueChange } from './capabilities/subscription/index.ts'
import { listDueChanges, tenantErrors } from './capabilities/tenant/index.ts'
import { announceAlerts } from './capabilities/usage/index.ts'

const minute = 60_000

const monthsAhead = 2

/** Before the queue gives the job to another process. */
const purgeMilliseconds = 4 * minute

/**
 * What the installation does by itself. Statements run as the job role, which sees only what the policies leave to it;
 * what changes a tenant goes through operations, as a `system` actor.
 */
export const scheduledJobs = (dependencies: Dependencies): readonly ScheduledJob[] => [
  {
    name: 'idempotency.expire',
    cron: '17 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.idempotency_records') }),
  },
  {
    name: 'api_keys.expire',
    cron: '37 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.api_keys') }),
  },
  {
    name: 'events.expire',
    cron: '27 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.events') }),
  },
  {
    name: 'onboarding.resume',
    cron: '* * * * *',
    run: async () => ({ ...(await resumeOnboardings(dependencies)) }),
  },
  {
    name: 'onboarding.expire',
    cron: '37 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.onboardings') }),
  },
  {
    name: 'mails.deliver',
    cron: '* * * * *',
    run: async () => ({ ...(await deliverMails(dependencies)) }),
  },
  {
    name: 'mails.expire',
    cron: '47 3 * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.mails') }),
  },
  {
    name: 'invitations.expire',
    cron: '57 3 * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.invitations') }),
  },
  {
    name: 'usage.alerts',
    cron: '* * * * *',
    run: async () => ({ tenants: await announceLeft(dependencies) }),
  },
  {
    name: 'usage.limits',
    cron: '* * * * *',
    run: async () => ({ tenants: await makeOutdatedLimits(dependencies) }),
  },
  {
    name: 'usage.reservations',
    cron: '7 3 * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.usage_reservations') }),
  },
  {
    name: 'usage.months',
    cron: '7 2 * * *',
    run: renewUsageMonths,
  },
  {
    name: 'runs.lose',
    cron: '* * * * *',
    run: async () => ({ lost: await loseRuns(dependencies) }),
  },
  {
    name: 'runs.expire',
    cron: '37 3 * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.runs') }),
  },
  {
    name: 'subscriptions.change',
    cron: '* * * * *',
    run: async () => ({ changed: await changePlansDue(dependencies) }),
  },
  {
    name: 'tenants.reactivate',
    cron: '* * * * *',
    run: async () => ({ reactivated: await reactivateDue(dependencies) }),
  },
  {
    name: 'tenants.purge',
    cron: '47 * * * *',
    run: () => purgeDue(dependencies, { until: new Date(dependencies.clock.now().getTime() + purgeMilliseconds) }),
  },
]

/** Each for itself: a month that cannot be opened must not keep the others from it, nor the old from being dropped. */
async function renewUsageMonths(query: (sql: string) => Promise<number>) {
  const ahead = Array.from({ length: monthsAhead + 1 }, (_, months) => `now() + interval '${months} months'`)
  const faults: unknown[] = []
  for (const statement of [
    ...ahead.map((time) => `select tenancy.open_usage_month((${time})::date)`),
    `select tenancy.close_usage_months((now() - interval '${eventRetentionDays} days')::date)`,
  ]) {
    await query(statement).catch((error: unknown) => faults.push(error))
  }
  if (faults.length > 0) throw new AggregateError(faults, 'months of usage could not be opened or closed')
  return {}
}

/** Who counted tells of it at once; what is older was left by a process that ended first. */
const leftMilliseconds = minute
const alertsAtOnce = 500

/** Tells of alerts that were left; returns of how many tenants. */
async function announceLeft(dependencies: Dependencies): Promise<number> {
  const { database, clock } = dependencies
  const before = new Date(clock.now().getTime() - leftMilliseconds)
  const actor = { type: 'system', name: 'usage.alerts' } as const
  const tenantIds = await database.platformUnit({ actor, readOnly: true }, (em) =>
    listWaitingTenants(em, before, alertsAtOnce),
  )
  let told = 0
  for (const tenantId of tenantIds) {
    try {
      await announceAlerts(dependencies, tenantId)
      told += 1
    } catch (error) {
      // The next minute tries again; one tenant must not keep the others from being told.
      dependencies.logger.error({ err: error, tenantId }, 'alerts could not be told')
    }
  }
  return told
}

const runsAtOnce = 500

/** Writes down as lost what holders left that are gone; returns how many runs. Their slots are free without it. */
export async function loseRuns({ database, clock, logger }: Dependencies): Promise<number> {
  const now = clock.now()
  const actor = { type: 'system', name: 'runs.lose' } as const
  const tenantIds = await database.platformUnit({ actor, readOnly: true }, (em) =>
    listTenantsWithGone(em, now, runsAtOnce),
  )
  let lost = 0
  for (const tenantId of tenantIds) {
    try {
      lost += await loseGone({ database, now }, { tenantId, most: runsAtOnce })
    } catch (error) {
      // The next minute tries again; one tenant whose account is held must not keep the others from it.
      logger.error({ err: error, tenantId }, 'runs that are lost could not be written down as lost')
    }
  }
  return lost
}

const limitsAtOnce = 100
const mostLimits = 10_000

/**
 * Makes limits where nobody has counted since they became outdated: what stands above them is told, and who cannot have
 * them made finds them. Returns of how many tenants.
 */
async function makeOutdatedLimits({ database, clock, services: { metering } }: Dependencies): Promise<number> {
  const actor = { type: 'system', name: 'usage.limits' } as const
  const catalogueRevision = await metering.catalogueRevision()
  const listAfter = (after: string | null) =>
    database.platformUnit({ actor, readOnly: true }, (em) =>
      listOutdatedTenants(em, { now: clock.now(), catalogueRevision }, { after, limit: limitsAtOnce }),
    )
  let [made, tried] = [0, 0]
  let after: string | null = null
  while (tried < mostLimits) {
    const tenantIds = await listAfter(after)
    if (tenantIds.length === 0) break
    // One that is held must not keep the others from theirs; the next minute finds it.
    await metering.refresh(tenantIds, { patient: false })
    const left = new Set(await listAfter(after))
    made += tenantIds.filter((id) => !left.has(id)).length
    tried += tenantIds.length
    after = tenantIds.at(-1) ?? null
  }
  return made
}

/** Ends the suspensions that were to end by now; each once, however many processes are at it. */
export async function reactivateDue(dependencies: Dependencies): Promise<number> {
  const { database, clock } = dependencies
  const actor = { type: 'system', name: 'tenants.reactivate' } as const
  const due = await database.platformUnit({ actor, readOnly: true }, (em) => listEndedSuspensions(em, clock.now()))
  let reactivated = 0
  for (const { id: tenantId, version: expectedVersion } of due) {
    try {
      const input = { tenantId, expectedVersion, reason: 'The suspension was to end by now.' }
      await createInternalCaller(dependencies, { actor }).tenants.reactivate(input)
      reactivated += 1
    } catch (error) {
      // Somebody changed the tenant in the meantime: it is done, or what was listed is no longer so.
      if (error instanceof AppError && error.code === tenantErrors.concurrent_update.code) continue
      dependencies.logger.error({ err: error, tenantId }, 'a suspension could not be ended')
    }
  }
  return reactivated
}

/** Puts tenants on the plans they were to have by now; each once, however many processes are at it. */
export async function changePlansDue(dependencies: Dependencies): Promise<number> {
  const { database, clock, logger } = dependencies
  const actor = { type: 'system', name: 'subscriptions.change' } as const
  const due = await database.platformUnit({ actor, readOnly: true }, (em) => listDueChanges(em, clock.now()))
  let changed = 0
  for (const tenantId of due) {
    try {
      if (await applyDueChange(dependencies, actor, tenantId)) changed += 1
    } catch (error) {
      logger.error({ err: error, tenantId }, 'a plan could not be changed that was to change by now')
    }
  }
  return changed
}
