import type { PlanCatalogue } from '../../plan/index.ts'
import type { WrittenItem } from '../repository/write.ts'
import type { UsageItem } from '../rules/batch.ts'

/**
 * What a meter that fails open answers while nothing can be counted: that it may be used, and will be counted. It has
 * happened by then, so that it is counted whatever the limit. What a gauge is set to has to be told again.
 */
export const createDeferrer =
  ({ meters }: PlanCatalogue) =>
  (item: UsageItem): { answer: WrittenItem; later: UsageItem } | null => {
    if (meters[item.meter]?.failMode !== 'open' || item.mode === 'set') return null
    const answer = { outcome: 'deferred' as const, used: 0, limit: null, hardLimit: null, first: null }
    return { answer, later: { ...item, mode: 'track' } }
  }
