import { CronExpressionParser } from 'cron-parser'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'

/** Whether `attempt` runs through: several parsers of the platform only say no by throwing. */
function succeeds(attempt: () => unknown): boolean {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}

export const colour = () =>
  z
    .string()
    .regex(/^#[0-9a-fA-F]{6}$/, 'Must be a colour like #1a2b3c.')
    .meta({ 'x-format': 'color' })

const clockTimePattern = /^(?:[01]\d|2[0-3]):[0-5]\d$/

export const isClockTime = (value: string) => clockTimePattern.test(value)

/** A time of day, 00:00 to 23:59; such texts compare in their order of time. */
export const clockTime = () =>
  z.string().regex(clockTimePattern, 'Must be a time like 09:30.').meta({ 'x-format': 'time' })

const currencies = new Set(Intl.supportedValuesOf('currency'))

export const currency = () =>
  z
    .string()
    .max(3)
    .refine((value) => currencies.has(value), 'Must be an ISO 4217 currency like EUR.')
    .meta({ 'x-format': 'currency' })

const languageNames = new Intl.DisplayNames('en', { type: 'language', fallback: 'none' })

// Well-formed is not enough: "english" is a well-formed tag of no language.
const isLanguage = (value: string) =>
  succeeds(() => Intl.getCanonicalLocales(value)) && languageNames.of(new Intl.Locale(value).language) !== undefined

export const language = () =>
  z.string().max(35).refine(isLanguage, 'Must be a BCP 47 language like en or pt-BR.').meta({ 'x-format': 'language' })

const cronField = /^[\d*,/\-?#a-z]+$/i

function isCron(value: string): boolean {
  const fields = value.split(' ')
  return (
    fields.length === 5 &&
    fields.every((field) => cronField.test(field)) &&
    succeeds(() => CronExpressionParser.parse(value).next())
  )
}

/** Five fields: minute, hour, day of month, month, day of week. */
export const cron = () =>
  z
    .string()
    .max(100)
    .refine(isCron, 'Must be a cron expression of five fields like 0 3 * * *.')
    .meta({ 'x-format': 'cron' })

function isAddressOrRange(value: string): boolean {
  if (value.includes('%')) return false
  if (value.includes(':')) return ipaddr.IPv6.isValid(value) || ipaddr.IPv6.isValidCIDR(value)
  return ipaddr.IPv4.isValidFourPartDecimal(value) || ipaddr.IPv4.isValidCIDRFourPartDecimal(value)
}

export const addressOrRange = () =>
  z
    .string()
    .max(49)
    .refine(isAddressOrRange, 'Must be an IP address or a CIDR range like 203.0.113.0/24.')
    .meta({ 'x-format': 'cidr' })

const dateTokens = ['yyyy', 'yy', 'MMMM', 'MMM', 'MM', 'M', 'dd', 'd', 'EEEE', 'EEE']

function isDateFormat(value: string): boolean {
  const tokens = value.match(/([a-z])\1*/gi) ?? []
  return (
    /^[a-z ./,-]+$/i.test(value) &&
    tokens.every((token) => dateTokens.includes(token)) &&
    ['y', 'M', 'd'].every((part) => tokens.filter((token) => token.startsWith(part)).length === 1)
  )
}

/** Unicode (CLDR) date pattern of a numeric or named day, month and year. */
export const dateFormat = () =>
  z
    .string()
    .max(32)
    .refine(isDateFormat, 'Must be a date pattern like yyyy-MM-dd.')
    .meta({ 'x-format': 'date-pattern' })

export const whole = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum)
