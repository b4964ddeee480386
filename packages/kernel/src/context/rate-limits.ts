export interface Budget {
  points: number
  windowSeconds: number
}

export interface RateLimitDecision {
  allowed: boolean
  budget: Budget
  remaining: number
  /** Seconds until the window starts anew. */
  resetSeconds: number
  /** Names the window that the point was drawn from. */
  window: string
}

export interface RateLimits {
  consume(limit: string, key: string, budget: Budget): Promise<RateLimitDecision>
  /** Gives one point back: the call turned out not to count. Does nothing where that window has ended. */
  refund(limit: string, key: string, window: string): Promise<void>
}

export interface RunningBlock {
  subject: string
  since: Date
  until: Date
}

/** Grows with each run of failures of one subject, which is an address unless told. */
export interface FailureBlock {
  /** Seconds still blocked, 0 if not. */
  blockedSeconds(subject: string): number
  /** Counts one failure; true if it starts a block. */
  recordFailure(subject: string): Promise<boolean>
  /** Those that go on, whichever process they began at. */
  list(): Promise<RunningBlock[]>
  /** Ends a block everywhere, and forgives what led to it. */
  lift(subject: string): Promise<void>
}

/** What a principal is blocked for: asking on while it was told to wait, or for tenants that are not its own. */
export const blockReasons = ['limits', 'probing'] as const
export type BlockReason = (typeof blockReasons)[number]

/** Blocks principals that verified and go on and on with what they are refused, for longer each time. */
export interface AbuseGuard {
  /** Seconds still blocked, 0 if not. */
  blockedSeconds(principal: string): number
  /** The principal was refused by a limit, and told when to come back. True if that starts a block. */
  recordExcess(principal: string, limit: string, retryAfterSeconds: number): Promise<boolean>
  /** The limit has let the principal in: it is told anew when to come back before that counts. */
  forgetExcess(principal: string, limit: string): void
  /** The principal named a tenant that it does not reach. True if that starts a block. */
  recordProbe(principal: string, reference: string): Promise<boolean>
  list(): Promise<(RunningBlock & { reason: BlockReason })[]>
  lift(reason: BlockReason, principal: string): Promise<void>
}

/** A tenant's calls by people and keys, and how many of them it may make. */
export interface CallQuota<Tenant> {
  /** Counts one call, without holding it up. */
  count(tenant: Tenant): void
  /** What was used up; null where there is more, as it is at once for nearly every call. */
  exhausted(tenant: Tenant): Promise<ExhaustedQuota | null> | null
}

export interface ExhaustedQuota {
  meter: string
  used: number
  /** Null is unlimited. */
  limit: number | null
  hardLimit: number
  /** When there will be more. */
  resetsAt: Date
  windowSeconds: number
}
