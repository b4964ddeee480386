import { LRUCache } from 'lru-cache'
import type { Clock } from '../context/clock.ts'
import {
  type AbuseGuard,
  type BlockReason,
  blockReasons,
  type FailureBlock,
  type RateLimits,
} from '../context/rate-limits.ts'
import { type BlockRules, blockRules, type FailureBlockOptions } from './failure-block.ts'

/** What a principal's blocks differ in from those of an address. */
export type BlockDetails = Required<Pick<FailureBlockOptions, 'rules' | 'nameOf'>> & { kind: BlockReason }

export interface AbuseGuardOptions {
  clock: Clock
  rateLimits: RateLimits
  openBlock(details: BlockDetails): FailureBlock
}

const rulesOf: Record<BlockReason, BlockRules> = {
  // One a second for five minutes, each against an answer that said when to come back: no person, and no page that asks
  // again by itself every few seconds, comes to that.
  limits: { ...blockRules, failures: 300 },
  // Of tenants that are none or not the caller's, each counts once, and 30 a minute at the most: what else is named is
  // refused by that budget. A page that asks for all tenants of an agency that somebody was removed from comes to 60 where
  // it straddles two minutes, however many they are and however often it is loaded; 90 only who goes on to name others.
  probing: { ...blockRules, failures: 90 },
}

/** What was under way, or came while the answer was, did not know better. */
const underWayMilliseconds = 5_000
/** Tenants have no longer names. */
const longestReference = 128
const once = { points: 1, windowSeconds: blockRules.withinSeconds }
const mostTold = 50_000

/**
 * Who waits as it is told never counts. Principals are counted by their verified ids alone: no address, and nothing that
 * others send, can block somebody.
 */
export function createAbuseGuard({ clock, rateLimits, openBlock }: AbuseGuardOptions): AbuseGuard {
  const nameOf = (principal: string) => principal
  const open = (kind: BlockReason) => openBlock({ kind, rules: rulesOf[kind], nameOf })
  const blocks: Record<BlockReason, FailureBlock> = { limits: open('limits'), probing: open('probing') }
  const told = new LRUCache<string, { at: number; until: number }>({ max: mostTold })

  return {
    blockedSeconds: (principal) =>
      Math.max(blocks.limits.blockedSeconds(principal), blocks.probing.blockedSeconds(principal)),

    async recordExcess(principal, limit, retryAfterSeconds) {
      const now = clock.now().getTime()
      const name = `${principal} ${limit}`
      const known = told.get(name)
      if (known === undefined || now >= known.until) {
        told.set(name, { at: now, until: now + retryAfterSeconds * 1_000 })
        return false
      }
      return now - known.at >= underWayMilliseconds && blocks.limits.recordFailure(principal)
    },

    forgetExcess(principal, limit) {
      if (told.size > 0) told.delete(`${principal} ${limit}`)
    },

    async recordProbe(principal, reference) {
      const key = `${principal} ${reference.slice(0, longestReference)}`
      const { allowed: isNew } = await rateLimits.consume('probe', key, once)
      return isNew && blocks.probing.recordFailure(principal)
    },

    async list() {
      const listed = await Promise.all(
        blockReasons.map(async (reason) => (await blocks[reason].list()).map((block) => ({ ...block, reason }))),
      )
      return listed.flat()
    },

    lift: (reason, principal) => blocks[reason].lift(principal),
  }
}
