import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { PlatformSequenceContext } from '@tenantry/kernel/context/request-context'
import { serviceErrors, tenantSelectionErrors } from '@tenantry/kernel/contract/errors'
import { isOutage, isTransient } from '@tenantry/kernel/errors/outage'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import type { z } from 'zod'
import { type Meter, planNamed } from '../../plan/index.ts'
import { listTenants } from '../../tenant/index.ts'
import { getUsage, stateOf } from '../../usage/index.ts'
import type { MigratedMeter, MigratedTenant, migrateUsage } from '../contract.ts'
import { type ComparedTenant, type Comparison, compare } from './compare.ts'
import { correct } from './correct.ts'
import type { RefusedSource } from './sources.ts'

type Question = z.output<typeof migrateUsage.input>

/** Of one tenant after the other; what fails for one is told in the answer. Throws `catalogue.not_in_force`. */
export async function migrate(ctx: PlatformSequenceContext, question: Question) {
  const { catalogue, usageSources, metering } = ctx.services
  // Compared with another catalogue's meters, what is right would be put wrong.
  await metering.catalogueRevision()
  const reported = Object.values(catalogue.meters).filter(
    ({ kind, countedFrom }) => kind !== 'concurrency' && countedFrom === null,
  )
  const refused: RefusedSource[] = await usageSources.refused(ctx.actor, reported)
  const meters = reported.filter(({ key }) => !refused.some(({ meter }) => meter === key))
  const { references, nextCursor } = await pageOf(ctx, question)
  const tenants: MigratedTenant[] = []
  for (const reference of references)
    tenants.push(await migrateTenant(ctx, reference, { meters, dryRun: question.dryRun }))
  return { refused, tenants, nextCursor }
}

async function pageOf(ctx: PlatformSequenceContext, { tenantIds, limit, cursor }: Question) {
  if (tenantIds !== undefined) return { references: [...new Set(tenantIds)], nextCursor: null }
  const page = { filter: {}, after: cursor ?? null, limit: limit + 1 }
  const found = await ctx.unit.platform(({ em }) => listTenants(em, page))
  const listed = found.slice(0, limit)
  return {
    references: listed.filter(({ status }) => status !== 'deleting').map(({ id }) => id),
    nextCursor: found.length > limit ? (listed.at(-1)?.id ?? null) : null,
  }
}

interface Task {
  meters: readonly Meter[]
  dryRun: boolean
}

async function migrateTenant(ctx: PlatformSequenceContext, reference: string, task: Task): Promise<MigratedTenant> {
  const access = await ctx.services.decisions.findAccess(ctx.actor, reference)
  if (access === null || access.tenant.status === 'deleting') return refusedTenant(reference, access)
  const { id: tenantId, slug } = access.tenant
  const meters: MigratedMeter[] = []
  const failures: Failure[] = []
  const [compared] = await Promise.allSettled([compareAll(ctx, access, { ...task, done: meters, failures })])
  const drifting = meters.filter(({ drift }) => drift !== 0)
  const [recorded] = await Promise.allSettled([task.dryRun ? undefined : record(ctx, access, drifting)])
  for (const one of [compared, recorded])
    if (one?.status === 'rejected') failures.push({ meter: null, reason: one.reason })
  for (const { meter, reason } of failures)
    ctx.logger.error({ err: reason, tenantId, meter }, 'the usage of a tenant could not be compared')
  const outcome = drifting.length === 0 ? 'unchanged' : task.dryRun ? 'drifts' : 'corrected'
  return { tenantId, slug, outcome: failures.length > 0 ? 'failed' : outcome, meters, errors: failures.map(errorOf) }
}

interface Failure {
  /** Null where it is not one that failed. */
  meter: string | null
  reason: unknown
}

function errorOf({ meter, reason }: Failure): MigratedTenant['errors'][number] {
  const { code, message } = isTransient(reason) ? serviceErrors.overloaded : toAppError(reason)
  return { meter, code, message }
}

function refusedTenant(reference: string, access: TenantAccess | null): MigratedTenant {
  const { code, message } = access === null ? tenantSelectionErrors.not_found : tenantSelectionErrors.inactive
  const { id = reference, slug = null } = access?.tenant ?? {}
  return { tenantId: id, slug, outcome: 'failed', meters: [], errors: [{ meter: null, code, message }] }
}

/** What is done stands in `done`, whatever fails besides. */
async function compareAll(
  ctx: PlatformSequenceContext,
  { tenant }: TenantAccess,
  { meters, dryRun, done, failures }: Task & { done: MigratedMeter[]; failures: Failure[] },
): Promise<void> {
  const { services, clock } = ctx
  const read = services.usageSources.reading(tenant.id)
  const compared: ComparedTenant = { clock, services, tenant, read }
  if (!dryRun) await services.metering.refresh([tenant.id])
  const { alertThresholds } = planNamed(services.catalogue, tenant.plan)
  const { meters: standings } = await getUsage({ ...compared, cached: (load) => load(read) })
  for (const meter of meters) {
    const [settled] = await Promise.allSettled([(dryRun ? compare : correct)(compared, meter)])
    if (settled.status === 'rejected') {
      failures.push({ meter: meter.key, reason: settled.reason })
      // Nothing else would be answered either.
      if (isOutage(settled.reason)) break
      continue
    }
    const comparison = settled.value
    const { limit = null, hardLimit = null } = standings.find((one) => one.meter === meter.key) ?? {}
    const state = stateOf(comparison.counted, { limit, hardLimit }, alertThresholds)
    done.push({ ...describe(comparison), limit, state })
  }
  await services.metering.remembered(tenant.id)
}

const describe = ({ meter, period, comparedWith, used, counted }: Comparison) => ({
  meter: meter.key,
  period,
  comparedWith: comparedWith === 'source' ? (meter.source?.table ?? null) : comparedWith,
  before: used,
  after: counted,
  drift: counted - used,
})

async function record(
  ctx: PlatformSequenceContext,
  access: TenantAccess,
  corrected: readonly MigratedMeter[],
): Promise<void> {
  if (corrected.length === 0) return
  const changes = Object.fromEntries(corrected.map(({ meter, before, after }) => [meter, { before, after }]))
  await ctx.unit.tenant(access, async (unit) => unit.record('usage.migrated', { changes }))
}
