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
