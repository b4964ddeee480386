import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DeclaredScope } from '../../access/index.ts'
import { checkCatalogue, defaultPlanName } from './catalogue-check.ts'
import { CatalogueError, type CatalogueProblem } from './catalogue-error.ts'
import { deepFreeze, frozenRecord, frozenSet } from './catalogue-frozen.ts'
import type { CatalogueFile, MeterFile, PlanFile, SourceFile } from './catalogue-schema.ts'

export { CatalogueError, type CatalogueProblem } from './catalogue-error.ts'

export interface Grace {
  /** Of the limit, rounded down. */
  readonly percent: number
  /** From the first overage of a period. */
  readonly days: number
}

export interface Meter {
  readonly key: string
  readonly kind: 'counter' | 'gauge' | 'concurrency'
  readonly period: 'hour' | 'day' | 'month' | 'total' | 'none'
  readonly unit: string
  readonly description: string
  /** People see amounts divided by `size`, called `name`. */
  readonly displayUnit: { readonly name: string; readonly size: number } | null
  /** Rows that are counted in the transaction that makes them, ours or the product's; null where usage is reported to us. */
  readonly countedFrom: 'memberships' | 'teams' | 'roles' | 'product' | null
  /** Whether its usage is refused or let through, and counted later, while it cannot be counted. */
  readonly failMode: 'closed' | 'open'
  /** Null where nothing but reported usage tells. */
  readonly source: MeterSource | null
}

/** A tenant table of the product, whose rows say what was used before usage was reported, and whether all of it was. */
export interface MeterSource {
  readonly table: string
  readonly aggregate: 'count' | 'sum'
  /** What is summed up; null where rows are counted. */
  readonly column: string | null
  /** When a row came to be; null where all rows count. */
  readonly at: string | null
}

export interface PlanRateLimits {
  /** Reads, per principal and tenant. */
  readonly requestsPerMinute: number
  /** Changes other than settings and usage, per principal and tenant. */
  readonly writesPerMinute: number
  /** Per tenant. */
  readonly settingsUpdatesPerHour: number
  /** Reporting of usage, per tenant; as many access checks, per principal and tenant. */
  readonly usageCallsPerMinute: number
}

export interface Plan {
  readonly name: string
  readonly title: string
  readonly currency: string
  /** In micro-units of the currency: 29_000_000 is 29.00. */
  readonly monthlyPriceMicros: number
  /** By meter: micro-units for every `per` units past the limit, in proportion. A meter without a price has no entry. */
  readonly overagePrices: Readonly<Record<string, { readonly micros: number; readonly per: number }>>
  /** By meter, every one of them; null is unlimited. */
  readonly limits: Readonly<Record<string, number | null>>
  readonly features: ReadonlySet<string>
  readonly alertThresholds: readonly number[]
  readonly periodAnchor: 'calendar' | 'subscription'
  readonly rateLimits: PlanRateLimits
  /** Null where the limit is the end, also for a meter that does not exist. */
  grace(meter: string): Grace | null
}

export interface PlanCatalogue {
  /** SHA-256 of what it says, hexadecimal: two that say the same have the same. */
  readonly digest: string
  readonly currency: string
  /** By key, in the order of the file. Without a prototype: any text is safe to look up. */
  readonly meters: Readonly<Record<string, Meter>>
  /** Every feature that some plan may have. */
  readonly features: readonly string[]
  /** What products let roles hold besides the scopes of Tenantry itself. */
  readonly scopes: readonly DeclaredScope[]
  /** From the lowest to the highest. */
  readonly plans: readonly Plan[]
  /** The names of the plans from the lowest to the highest; what an upgrade is follows from it. */
  readonly order: readonly string[]
  /** The plan of a tenant without one. */
  readonly defaultPlan: string
  /** In any letter case. */
  plan(name: string): Plan | null
}

export interface EffectiveLimit {
  readonly meter: string
  /** Null is unlimited. */
  readonly limit: number | null
  /** How much is allowed past the limit while grace lasts. */
  readonly grace: number
  readonly graceDays: number
  readonly hardLimit: number | null
  readonly source: 'plan' | 'override' | 'grant'
}

const defaultFile = new URL('../../../../catalogue/default.yaml', import.meta.url)

/** Reads the operator's catalogue, or the default one. Throws a `CatalogueError`. */
export function loadCatalogue(file: string = fileURLToPath(defaultFile)): PlanCatalogue {
  return parseCatalogue(readText(file), file)
}

/** What came of reading a file: the catalogue, or all that is wrong with it. */
export type CatalogueReading = { catalogue: PlanCatalogue } | { problems: readonly CatalogueProblem[] }

export function readCatalogue(file?: string): CatalogueReading {
  try {
    return { catalogue: loadCatalogue(file) }
  } catch (error) {
    if (error instanceof CatalogueError) return { problems: error.problems }
    throw error
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const message = `expected a file that can be read (${(error as Error).message})`
    throw new CatalogueError(file, [{ line: null, path: '', message }], { cause: error })
  }
}

/** Throws a `CatalogueError` that lists every problem as `file:line key.path: what was expected`. */
export function parseCatalogue(yamlText: string, fileName: string): PlanCatalogue {
  const file = checkCatalogue(yamlText, fileName)
  const plans = Object.entries(file.plans).map(([name, plan]) => toPlan(name, plan, file))
  return deepFreeze({
    digest: createHash('sha256').update(JSON.stringify(file)).digest('hex'),
    currency: file.currency,
    meters: frozenRecord(Object.entries(file.meters).map(([key, meter]) => [key, toMeter(key, meter)])),
    features: file.features,
    scopes: Object.entries(file.scopes ?? {}).map(([name, scope]) => ({
      name,
      description: scope.description,
      feature: scope.feature ?? null,
      heldFrom: scope.heldFrom,
    })),
    plans,
    order: plans.map(({ name }) => name),
    defaultPlan: defaultPlanName,
    plan: (name: string) => plans.find((plan) => plan.name === name.toLowerCase()) ?? null,
  })
}

function toMeter(key: string, meter: MeterFile): Meter {
  return {
    key,
    kind: meter.kind,
    period: meter.period,
    unit: meter.unit,
    description: meter.description,
    displayUnit: meter.displayUnit ?? null,
    countedFrom: (meter.kind === 'gauge' && meter.countedFrom) || null,
    failMode: (meter.kind === 'counter' && meter.failMode) || 'closed',
    source: meter.kind === 'concurrency' || meter.source === undefined ? null : toSource(meter.source),
  }
}

function toSource(source: SourceFile): MeterSource {
  const { aggregate, table } = source
  const at = 'at' in source ? (source.at ?? null) : null
  return { table, aggregate, column: source.aggregate === 'sum' ? source.column : null, at }
}

function toPlan(name: string, plan: PlanFile, { currency, meters, defaults }: CatalogueFile): Plan {
  const graces = Object.entries(meters).map(([key, meter]): [string, Grace | null] => {
    const own = plan.grace?.[key]
    return [key, (own === undefined ? meter.grace : own) ?? null]
  })
  const graceOf = frozenRecord(graces)
  return {
    name,
    title: plan.title,
    currency,
    monthlyPriceMicros: plan.monthlyPriceMicros,
    overagePrices: frozenRecord(Object.entries(plan.overagePrices ?? {})),
    limits: frozenRecord(Object.entries(plan.limits)),
    features: frozenSet(plan.features),
    alertThresholds: plan.alertThresholds ?? defaults.alertThresholds,
    periodAnchor: plan.periodAnchor ?? defaults.periodAnchor,
    rateLimits: { ...defaults.rateLimits, ...plan.rateLimits },
    grace: (meter: string) => graceOf[meter] ?? null,
  }
}

/** What a plan alone allows, per meter in the order of the catalogue. Throws if the catalogue has no such plan. */
export function effectiveLimits(catalogue: PlanCatalogue, planName: string): EffectiveLimit[] {
  const plan = catalogue.plan(planName)
  // A plan that the operator's file no longer has must not read as "no limits".
  if (plan === null) throw new Error(`The plan catalogue has no plan "${planName}".`)
  return Object.entries(plan.limits).map(([meter, limit]) => {
    const grace = limit === null ? null : plan.grace(meter)
    const amount = limit === null || grace === null ? 0 : graceAmount(limit, grace.percent)
    const hardLimit = limit === null ? null : limit + amount
    return { meter, limit, grace: amount, graceDays: grace?.days ?? 0, hardLimit, source: 'plan' }
  })
}

/** Percent of a limit, rounded down; exact for every limit a number can hold. */
export function graceAmount(limit: number, percent: number): number {
  return Math.floor(limit / 100) * percent + Math.floor(((limit % 100) * percent) / 100)
}
