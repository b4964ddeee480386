import { z } from 'zod'
import { baseRoles } from '../../access/index.ts'
import { parseQuantity, type QuantityRange, wholeNumber } from './catalogue-quantity.ts'

/** Past this, limit and grace together would leave the whole numbers that JavaScript holds exactly. */
const largestLimit = Math.floor(Number.MAX_SAFE_INTEGER / 2)

/** What the rest of a file may refer to, read before it is checked so that one fault does not hide others. */
export interface DeclaredNames {
  meters: ReadonlyMap<string, { bytes: boolean; grace: boolean }>
  features: readonly string[]
}

// Every message says what was expected; what was found is added where problems are listed.

function object<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  keys = `one of the keys ${Object.keys(shape).join(', ')}`,
) {
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? keys : 'keys with values') })
}

function text(expected: string, pattern = /\S/) {
  return z.custom<string>((value) => typeof value === 'string' && pattern.test(value), { error: expected })
}

function quantity(expected: string, range: Partial<QuantityRange> = {}) {
  return z.unknown().transform((value, ctx) => {
    const parsed = parseQuantity(value, { ...wholeNumber, ...range })
    if (parsed !== undefined) return parsed
    ctx.addIssue({ code: 'custom', message: expected, input: value })
    return z.NEVER
  })
}

function limit(sizes: boolean) {
  const expected = `a whole number${sizes ? ', a size such as 5 GiB' : ''} or unlimited`
  const unlimited = z.literal(['unlimited', -1]).transform(() => null)
  return z.union([unlimited, quantity(expected, { maximum: largestLimit, sizes })], { error: expected })
}

const oneOf = <const Value extends string>(values: readonly Value[]) =>
  z.enum(values, { error: `one of ${values.join(', ')}` })

/** What tables and columns of the product are called. */
const identifierPattern = /^[a-z_][a-z0-9_]{0,62}$/

/** What meters, features and plans are called. */
export const namePattern = /^[a-z][a-z0-9_-]*(?::[a-z0-9_-]+)?$/
export const nameExpected = 'a name in lower case such as api_calls'

const graceAmount = object({
  percent: quantity('a whole number from 1 to 100', { minimum: 1, maximum: 100 }),
  days: quantity('a whole number from 1 to 31', { minimum: 1, maximum: 31 }),
})
const noGrace = z.literal('none').transform(() => null)
const grace = z.union([noGrace, graceAmount], { error: 'none, or { percent: …, days: … }' })

const withoutGrace = (why: string) =>
  z
    .literal('none', { error: `no grace: ${why}` })
    .transform(() => null)
    .optional()

const meter = {
  unit: text('what is counted, such as users or bytes'),
  description: text('a description'),
  displayUnit: object({
    name: text('a unit name'),
    size: quantity('a size above 0', { minimum: 1, sizes: true }),
  }).optional(),
}

const identifier = (of: string) =>
  text(
    `the name of a ${of} in lower case such as ${of === 'table' ? 'conversations' : 'created_at'}`,
    identifierPattern,
  )

/** `at` only where there is a period that rows belong to by their time. */
function source<Shape extends { at?: z.ZodType }>(timed: Shape) {
  const counts = object({ aggregate: z.literal('count'), table: identifier('table'), ...timed })
  const sums = object({
    aggregate: z.literal('sum'),
    table: identifier('table'),
    column: identifier('column'),
    ...timed,
  })
  return z.discriminatedUnion('aggregate', [counts, sums], { error: 'one of count, sum' }).optional()
}

const counter = object({
  ...meter,
  kind: z.literal('counter'),
  period: oneOf(['hour', 'day', 'month', 'total']),
  grace: grace.optional(),
  failMode: oneOf(['closed', 'open']).optional(),
  source: source({ at: identifier('column').optional() }),
})

/**
 * Without `countedFrom` usage is reported: tracked, or set. With it, rows are counted, and one too many is refused, in the
 * transaction that makes them: ours by Tenantry, those of `product` by a product that asks for room.
 */
const gauge = object({
  ...meter,
  kind: z.literal('gauge'),
  period: oneOf(['none']),
  grace: grace.optional(),
  countedFrom: oneOf(['memberships', 'teams', 'roles', 'product']).optional(),
  source: source({}),
}).refine(({ grace: given, countedFrom }) => countedFrom === undefined || !given, {
  path: ['grace'],
  error: 'no grace: what is counted where it is made has none',
})

const concurrency = object({
  ...meter,
  kind: z.literal('concurrency'),
  period: oneOf(['none']),
  grace: withoutGrace('slots have none'),
})

const anyMeter = z.discriminatedUnion('kind', [counter, gauge, concurrency], {
  error: 'one of counter, gauge, concurrency',
})

const meters = z
  .record(z.string(), anyMeter, { error: 'meters by name' })
  .refine((declared) => Object.keys(declared).length > 0, { error: 'at least one meter' })

const alertThresholds = z.custom<number[]>(
  (value) =>
    Array.isArray(value) &&
    value.every((percent, index) => Number.isInteger(percent) && percent > (value[index - 1] ?? 0) && percent <= 100),
  { error: 'ascending whole numbers from 1 to 100' },
)

const perWindow = quantity('a whole number above 0', { minimum: 1 })

const rateLimits = object({
  requestsPerMinute: perWindow,
  writesPerMinute: perWindow,
  settingsUpdatesPerHour: perWindow,
  usageCallsPerMinute: perWindow,
})

const periodAnchor = oneOf(['calendar', 'subscription'])

/** One value per declared meter. Without any meter, that fault is reported alone and not once per limit. */
function byMeter<Value extends z.ZodType>(declared: DeclaredNames['meters'], value: (name: string) => Value) {
  const shape = Object.fromEntries([...declared.keys()].map((key) => [key, value(key)]))
  const record = declared.size === 0 ? z.unknown() : object(shape, 'a meter declared under meters')
  // The keys of the shape are only known at run time.
  return record as unknown as z.ZodType<Readonly<Record<string, Exclude<z.output<Value>, undefined>>>>
}

const feature = (declared: readonly string[]) =>
  z.custom<string>((value) => declared.includes(value as string), { error: 'a feature declared under features' })

function features(declared: readonly string[]) {
  const known = feature(declared)
  const all = z.literal('all', { error: 'all' }).transform(() => [...declared])
  const allExcept = object({ include: all, except: z.array(known, { error: 'a list of features' }) }).transform(
    ({ include, except }) => include.filter((feature) => !except.includes(feature)),
  )
  return z.union([all, z.array(known), allExcept], {
    error: 'a list of features, all, or { include: all, except: [...] }',
  })
}

function plan({ meters: declared, features: declaredFeatures }: DeclaredNames) {
  const overagePrice = (key: string) =>
    object({
      micros: quantity('a whole number of micro-units'),
      per: quantity('an amount above 0', { minimum: 1, sizes: declared.get(key)?.bytes ?? false }),
    }).optional()
  const planGrace = (key: string) => (declared.get(key)?.grace ? grace.optional() : withoutGrace('the meter has none'))
  return object({
    title: text('a title'),
    monthlyPriceMicros: quantity('a whole number of micro-units'),
    overagePrices: byMeter(declared, overagePrice).optional(),
    limits: byMeter(declared, (key) => limit(declared.get(key)?.bytes ?? false)),
    features: features(declaredFeatures),
    grace: byMeter(declared, planGrace).optional(),
    alertThresholds: alertThresholds.optional(),
    periodAnchor: periodAnchor.optional(),
    rateLimits: rateLimits.partial().optional(),
  })
}

/** What products call their scopes. */
export const scopePattern = /^[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*$/
export const scopeExpected = 'noun:verb in lower case such as events:manage'

const scope = (features: readonly string[]) =>
  object({
    description: text('a description'),
    feature: feature(features).optional(),
    heldFrom: oneOf([...baseRoles]),
  })

/** The catalogue file, given the names it declares itself. */
export function catalogueSchema(declared: DeclaredNames) {
  return object({
    currency: z.custom<string>((value) => Intl.supportedValuesOf('currency').includes(String(value)), {
      error: 'an ISO 4217 currency such as USD',
    }),
    meters,
    features: z.array(text(nameExpected, namePattern), { error: 'a list of features' }),
    scopes: z.record(z.string(), scope(declared.features), { error: 'scopes by name' }).optional(),
    defaults: object({ alertThresholds, periodAnchor, rateLimits }),
    plans: z
      .record(z.string(), plan(declared), { error: 'plans by name' })
      .refine((plans) => Object.keys(plans).length > 0, { error: 'at least one plan' }),
  })
}

export type CatalogueFile = z.output<ReturnType<typeof catalogueSchema>>
export type MeterFile = CatalogueFile['meters'][string]
export type SourceFile = Exclude<Exclude<MeterFile, { kind: 'concurrency' }>['source'], undefined>
export type PlanFile = CatalogueFile['plans'][string]
