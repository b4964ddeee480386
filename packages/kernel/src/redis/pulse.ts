/**
 * What is known about the way to Redis and back. A beat is published and comes back as a message: whatever others had
 * published before it has then arrived too, so that from its sending on nothing was missed.
 */
export interface Pulse {
  /** The beat sent then has come back. Answers what that changed. */
  returned(sentAt: number): { recovered: boolean; up: boolean }
  /** A command failed; not to be tried again until a beat sent later has come back. */
  failed(): void
  /** Messages may be lost from now on. */
  lost(): void
  /** No message is missing that is older than a second. */
  isCurrent(): boolean
  isUp(): boolean
  /** When the latest beat that came back was sent. */
  since(): number
}

/** Below the second that a change may take to reach every process. */
export const currentMilliseconds = 900

/** `now` in milliseconds, from any start, never going back. */
export function createPulse(now: () => number = () => performance.now()): Pulse {
  let since = Number.NEGATIVE_INFINITY
  let failedAt = Number.NEGATIVE_INFINITY
  const isCurrent = () => now() - since < currentMilliseconds
  const isUp = () => isCurrent() && since >= failedAt
  return {
    returned(sentAt) {
      const wasCurrent = isCurrent()
      const wasUp = isUp()
      since = Math.max(since, sentAt)
      return { recovered: !wasCurrent && isCurrent(), up: !wasUp && isUp() }
    },
    failed: () => {
      failedAt = now()
    },
    lost: () => {
      since = Number.NEGATIVE_INFINITY
    },
    isCurrent,
    isUp,
    since: () => since,
  }
}
