import { pino } from 'pino'

export const censor = '[redacted]'

const secretName =
  /(?:authorization|cookie|password|passphrase|secrets?|tokens?|bearer|credentials?|api[-_]?keys?|(?:private|signing|encryption|access)[-_]?keys?|^keys?)$/i
// What stands before the host of a URL.
const userInfo = /(?<=^[a-z][a-z0-9+.-]*:\/\/)[^/?#@\s]*(?=@)/i
const deepest = 6

/**
 * The same value without its secrets; copied only where it holds some. It stands in for pino's wildcard paths, which
 * reach three levels and cost twenty times a log line.
 */
export function redact(value: object, depth = 0): object {
  if (value instanceof Error) return redact(pino.stdSerializers.err(value), depth)
  if (!isContainer(value)) return value
  if ('toJSON' in value && typeof value.toJSON === 'function') return redactShown(value.toJSON(), value, depth)
  let copy: Record<string, unknown> | null = null
  for (const [name, item] of Object.entries(value)) {
    const shown = redactItem(name, item, depth)
    if (shown === item) continue
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
    copy[name] = shown
  }
  return copy ?? value
}

/** What an object shows of itself, which pino would write after any look through its fields. */
function redactShown(shown: unknown, value: object, depth: number): object {
  if (typeof shown !== 'object' || shown === null) return value
  return depth < deepest ? redact(shown, depth + 1) : {}
}

function redactItem(name: string, item: unknown, depth: number): unknown {
  if (item === undefined || item === null) return item
  if (secretName.test(name)) return censor
  if (typeof item === 'string') return item.includes('@') ? item.replace(userInfo, censor) : item
  if (item instanceof URL) return item.href.replace(userInfo, censor)
  if (typeof item !== 'object') return item
  // Whatever is deeper is not looked through, so it is not shown either; this also ends circles.
  return depth < deepest ? redact(item, depth + 1) : '[deeper]'
}

/** Dates and buffers have a text of their own. */
function isContainer(value: object): boolean {
  return !(value instanceof Date) && !ArrayBuffer.isView(value)
}
