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

/** Grows with each run of failures from one address. */
export interface FailureBlock {
  /** Seconds still blocked, 0 if not. */
  blockedSeconds(address: string): number
  /** Counts one failure; true if it starts a block. */
  recordFailure(address: string): Promise<boolean>
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
