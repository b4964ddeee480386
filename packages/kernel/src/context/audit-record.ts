import type { ErrorDetails } from '../errors/app-error.ts'

export interface Client {
  /** The address after trusted proxies; null in process. */
  address: string | null
  userAgent: string | null
}

export interface Change {
  before: unknown
  after: unknown
}

export interface AuditRecord {
  target?: { type: string; id: string }
  /** Before and after per field; secrets by name only. */
  changes?: Record<string, Change>
  details?: ErrorDetails & Record<string, unknown>
}
