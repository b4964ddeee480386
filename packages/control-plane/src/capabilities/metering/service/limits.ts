import type { Clock } from '@tenantry/kernel/context/clock'
import type { Database } from '@tenantry/kernel/context/dependencies'
import { withOverrides } from '../../limit/index.ts'
import { effectiveLimits, type PlanCatalogue, planNamed } from '../../plan/index.ts'
import { catalogueForceErrors } from '../contract.ts'
import {
  enterCatalogue,
  type LimitSources,
  type ResolvedLimits,
  readLimitSources,
  saveLimits,
} from '../repository/limits.ts'
import { spanOf } from '../rules/tenant-period.ts'
import { tenantAt } from './tenant-at.ts'

export interface LimitResolverOptions {
  database: Database
  clock: Clock
  catalogue: PlanCatalogue
  /** Another number whenever the catalogue may have been entered anew; none where it stays the same. */
  catalogueEpoch?(): number
  /** Whether its catalogue takes the place of another that is in force, as that of a service does. */
  replacesCatalogue?: boolean
}

/** Makes the limits that usage is held to, where they are missing or what they were made of has changed. */
export interface LimitResolver {
  /** The revision of the catalogue that limits must be made of. Throws `catalogue.not_in_force`. */
  revision(): Promise<number>
  /** Returns the tenants that have new alerts. */
  resolve(tenantIds: readonly string[], given: { patient: boolean }): Promise<string[]>
}

export function createLimitResolver(options: LimitResolverOptions): LimitResolver {
  const { database, clock, catalogue, catalogueEpoch = () => 0, replacesCatalogue: replaces = false } = options
  let entered: { epoch: number; revision: number } | undefined
  const revision = async () => {
    // By the digest alone one that was left and came back would go on under its old number.
    const epoch = catalogueEpoch()
    // Who may not enter another looks each time: nobody else tells it that one has come into force.
    if (replaces && entered?.epoch === epoch) return entered.revision
    const made = await enterCatalogue(database, { digest: catalogue.digest, now: clock.now(), replaces })
    if (made === null) throw notInForce()
    entered = { epoch, revision: made }
    return made
  }
  return {
    revision,
    resolve: async (tenantIds, { patient }) => {
      const catalogueRevision = await revision()
      const sources = await readLimitSources(database, tenantIds)
      if (sources.length === 0) return []
      const now = clock.now()
      const resolved = sources.map((source) => limitsFrom(source, catalogue, now))
      return saveLimits(database, resolved, { now, catalogueRevision, patient })
    },
  }
}

/** Met by commands only: no operation of a service answers it, and so none declares it. */
const notInForce = () => catalogueForceErrors.not_in_force()

/** What holds for a tenant, on every meter. */
function limitsFrom(stored: LimitSources, catalogue: PlanCatalogue, now: Date): ResolvedLimits {
  const source = tenantAt(catalogue, stored, now)
  const plan = planNamed(catalogue, source.plan)
  const ends = source.overrides.flatMap(({ expiresAt }) => (expiresAt === null ? [] : [new Date(expiresAt)]))
  if (stored.scheduledChange !== null) ends.push(stored.scheduledChange.effectiveAt)
  const [nextChangeAt = null] = ends.filter((end) => end > now).sort((one, other) => one.getTime() - other.getTime())
  const limits = withOverrides(effectiveLimits(catalogue, plan.name), source.overrides, now).flatMap((limit) => {
    const meter = catalogue.meters[limit.meter]
    if (!meter) return []
    return {
      meter: limit.meter,
      included: limit.limit,
      grace: limit.grace,
      graceDays: limit.graceDays,
      alertPercents: plan.alertThresholds,
      source: limit.source,
      countedFrom: meter.countedFrom,
      ...spanOf(meter.period, now, source, plan.periodAnchor),
    }
  })
  return { tenantId: source.tenantId, changes: source.changes, nextChangeAt, limits }
}
