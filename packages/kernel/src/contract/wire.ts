import { z } from 'zod'
import { textProblem } from './text.ts'

/** A UUID of our making (version 7), described by what it names. */
export const id = <const Name extends string>(name: Name) => z.uuid().describe(`Id of a ${name}`)

/** Where a caller names a tenant: its id, slug or externalId, or `current` for the tenant found by any other way. */
export const tenantRef = () =>
  z
    .string()
    .min(1)
    .max(128)
    .describe('Id, slug or externalId of a tenant, or "current"')
    .meta({ examples: ['current'] })

/** An instant: a Date in the service, ISO 8601 UTC text on every door. */
export const timestamp = () =>
  z.preprocess((value) => (value instanceof Date ? value.toISOString() : value), z.iso.datetime())

/** A whole number read from a query string or a JSON body. */
export const integer = (minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER) =>
  z.int().min(minimum).max(maximum)

/** One line without control characters, HTML or script. */
export const text = (minimum: number, maximum: number) =>
  z
    .string()
    .trim()
    .min(minimum)
    .max(maximum)
    .superRefine((value, check) => {
      const message = textProblem(value, 'single')
      if (message) check.addIssue({ code: 'custom', message })
    })

/** Text that is kept as it came, whatever it says. */
export const rawText = (maximum: number) =>
  z
    .string()
    .max(maximum)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), 'Must be well-formed Unicode without NUL.')

/** One permission. Products name their own: which ones there are, an installation knows. */
export const scope = () =>
  z
    .string()
    .max(64)
    .regex(/^[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*$/, 'Expected noun:verb in lower case, like runs:write.')

/** Whatever zone the platform knows, aliases such as Asia/Kolkata too. */
function isTimezone(value: string): boolean {
  // Intl also takes offsets such as +01:00, which are no zones.
  if (!/^[a-z]/i.test(value)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }) !== undefined
  } catch {
    return false
  }
}

export const timezone = () =>
  z.string().max(64).refine(isTimezone, 'Must be an IANA timezone like Europe/Berlin.').meta({ 'x-format': 'timezone' })

/** The version the caller read, for optimistic locking; on REST the `If-Match` header says it too. */
export const expectedVersion = () => integer(1).describe('The version you read; refused if it is no longer current')
