import type { Breaking } from '../contract/problem.ts'

/** The one table from the kind of an error to its HTTP status. */
export const errorKinds = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  unprocessable: 422,
  too_many_requests: 429,
  internal: 500,
  unavailable: 503,
} as const

export type ErrorKind = keyof typeof errorKinds

export interface Issue {
  /** Dotted path of the offending field, `settings.branding.logoUrl`; empty for the whole input. */
  path: string
  message: string
}

/** What an error may tell its caller besides code and message; each field travels in the problem document. */
export interface ErrorDetails {
  issues?: Issue[]
  currentVersion?: number
  missingScope?: string
  /** All of them, where there are several. */
  missingScopes?: string[]
  /** The path of the request that explains the refusal. */
  explain?: string
  meter?: string
  limit?: number | null
  /** Where it ends, grace included. */
  hardLimit?: number | null
  used?: number
  /** What would still fit. */
  remaining?: number | null
  /** Reserved besides. */
  held?: number
  /** ISO 8601. */
  resetsAt?: string
  /** Seconds after which a retry may succeed; also sent as `Retry-After`. */
  retryAfterSeconds?: number
  /** A tenant's lifecycle state, and why it is in it. */
  state?: string
  reason?: string | null
  /** ISO 8601; when a suspension ends by itself. */
  until?: string
  /** The tenant above that is in this state, where it is not the tenant itself. */
  ancestorId?: string
  /** Tenants directly below that stand in the way. */
  childCount?: number
  /** The states between which there is no way. */
  from?: string
  to?: string
  key?: string
  writableBy?: string
  /** Id of the tenant above that locked a key. */
  lockedBy?: string
  /** A feature of plans. */
  requiresFeature?: string
  /** Slugs of the tenants that stand in the way. */
  tenants?: string[]
  /** What would break. */
  breaking?: Breaking[]
}

export class AppError<Code extends string = string> extends Error {
  override readonly name: string = 'AppError'
  readonly kind: ErrorKind
  readonly code: Code
  readonly details: ErrorDetails

  constructor(kind: ErrorKind, code: Code, message: string, details: ErrorDetails = {}) {
    super(message)
    this.kind = kind
    this.code = code
    this.details = details
  }

  get status(): number {
    return errorKinds[this.kind]
  }
}
