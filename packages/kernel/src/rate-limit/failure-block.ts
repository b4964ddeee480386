import { LRUCache } from 'lru-cache'
import type { Clock } from '../context/clock.ts'
import type { FailureBlock } from '../context/dependencies.ts'
import { clientNetwork } from './client-network.ts'

export interface FailureBlockOptions {
  clock: Clock
  maxAddresses?: number
}

export const blockRules = {
  /** This many failures … */
  failures: 10,
  /** … within this time start a block. */
  withinSeconds: 5 * 60,
  firstBlockSeconds: 60,
  /** Each block is twice the one before, up to this, … */
  longestBlockSeconds: 60 * 60,
  /** … unless nothing happened for this long after it. */
  forgivenAfterSeconds: 24 * 60 * 60,
}

interface History {
  failedAt: number[]
  blocks: number
  blockedUntil: number
}

/** Counts in this process. */
export function createFailureBlock({ clock, maxAddresses = 50_000 }: FailureBlockOptions): FailureBlock {
  const { failures, withinSeconds, firstBlockSeconds, longestBlockSeconds, forgivenAfterSeconds } = blockRules
  const histories = new LRUCache<string, History>({ max: maxAddresses })

  function startBlock(history: History, now: number): void {
    const blocks = now - history.blockedUntil > forgivenAfterSeconds * 1000 ? 0 : history.blocks
    history.blockedUntil = now + Math.min(firstBlockSeconds * 2 ** blocks, longestBlockSeconds) * 1000
    history.blocks = blocks + 1
    history.failedAt = []
  }

  return {
    blockedSeconds(address) {
      const until = histories.get(clientNetwork(address))?.blockedUntil ?? 0
      return Math.max(0, Math.ceil((until - clock.now().getTime()) / 1000))
    },

    async recordFailure(address) {
      const now = clock.now().getTime()
      const network = clientNetwork(address)
      const history = histories.get(network) ?? { failedAt: [], blocks: 0, blockedUntil: 0 }
      histories.set(network, history)
      // A call that was already under way when the block began must not lengthen it.
      if (now < history.blockedUntil) return false
      history.failedAt = [...history.failedAt.filter((failedAt) => now - failedAt < withinSeconds * 1000), now]
      if (history.failedAt.length < failures) return false
      startBlock(history, now)
      return true
    },
  }
}
