import { pino } from 'pino'

export const censor = '[redacted]'

const secretName = /(?:authorization|cookie|password|secret|token|bearer|api-?key|^key)$/i
const deepest = 6

/**
 * The same value without its secrets; copied only where it holds some. It stands in for pino's wildcard paths, which
 * reach three levels and cost twenty times a log line.
 */
export function redact(value: object, depth = 0): object {
  if (value instanceof Error) return redact(pino.stdSerializers.err(value), depth)
  if (!isContainer(value)) return value
  let copy: Record<string, unknown> | null = null
  for (const [name, item] of Object.entries(value)) {
    const shown = redactItem(name, item, depth)
    if (shown === item) continue
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
    copy[name] = shown
  }
  return copy ?? value
}

function redactItem(name: string, item: unknown, depth: number): unknown {
  if (item === undefined || item === null) return item
  if (secretName.test(name)) return censor
  if (typeof item !== 'object') return item
  // Whatever is deeper is not looked through, so it is not shown either; this also ends circles.
  return depth < deepest ? redact(item, depth + 1) : '[deeper]'
}

/** Dates, buffers and URLs have a text of their own. */
function isContainer(value: object): boolean {
  return !('toJSON' in value) && !ArrayBuffer.isView(value)
}
