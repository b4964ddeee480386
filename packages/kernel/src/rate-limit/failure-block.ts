import { LRUCache } from 'lru-cache'
import type { Clock } from '../context/clock.ts'
import type { FailureBlock } from '../context/dependencies.ts'
import { clientNetwork } from './client-network.ts'

export interface FailureBlockOptions {
  clock: Clock
  maxSubjects?: number
  rules?: BlockRules
  /** What a subject is counted under. */
  nameOf?(subject: string): string
}

export interface BlockRules {
  /** This many failures … */
  failures: number
  /** … within this time start a block. */
  withinSeconds: number
  firstBlockSeconds: number
  /** Each block is twice the one before, up to this, … */
  longestBlockSeconds: number
  /** … unless nothing happened for this long after it. */
  forgivenAfterSeconds: number
}

export const blockRules: BlockRules = {
  failures: 10,
  withinSeconds: 5 * 60,
  firstBlockSeconds: 60,
  longestBlockSeconds: 60 * 60,
  forgivenAfterSeconds: 24 * 60 * 60,
}

interface History {
  failedAt: number[]
  blocks: number
  blockedSince: number
  blockedUntil: number
}

/** Counts in this process. */
export function createFailureBlock(options: FailureBlockOptions): FailureBlock {
  const { clock, maxSubjects = 50_000, rules = blockRules, nameOf = clientNetwork } = options
  const { failures, withinSeconds, firstBlockSeconds, longestBlockSeconds, forgivenAfterSeconds } = rules
  const histories = new LRUCache<string, History>({ max: maxSubjects })

  function startBlock(history: History, now: number): void {
    const blocks = now - history.blockedUntil > forgivenAfterSeconds * 1000 ? 0 : history.blocks
    history.blockedSince = now
    history.blockedUntil = now + Math.min(firstBlockSeconds * 2 ** blocks, longestBlockSeconds) * 1000
    history.blocks = blocks + 1
    history.failedAt = []
  }

  return {
    blockedSeconds(subject) {
      const until = histories.get(nameOf(subject))?.blockedUntil ?? 0
      return Math.max(0, Math.ceil((until - clock.now().getTime()) / 1000))
    },

    async recordFailure(subject) {
      const now = clock.now().getTime()
      const name = nameOf(subject)
      const history = histories.get(name) ?? { failedAt: [], blocks: 0, blockedSince: 0, blockedUntil: 0 }
      histories.set(name, history)
      // A call that was already under way when the block began must not lengthen it.
      if (now < history.blockedUntil) return false
      history.failedAt = [...history.failedAt.filter((failedAt) => now - failedAt < withinSeconds * 1000), now]
      if (history.failedAt.length < failures) return false
      startBlock(history, now)
      return true
    },

    async list() {
      const now = clock.now().getTime()
      const running = [...histories.entries()].filter(([, { blockedUntil }]) => now < blockedUntil)
      return running.map(([subject, { blockedSince, blockedUntil }]) => ({
        subject,
        since: new Date(blockedSince),
        until: new Date(blockedUntil),
      }))
    },

    async lift(subject) {
      histories.delete(nameOf(subject))
    },
  }
}
