import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { createDeferral, type Deferral } from '@tenantry/kernel/group-commit/deferral'
import type { Lanes } from '@tenantry/kernel/group-commit/lanes'
import type { PlanCatalogue } from '../../plan/index.ts'
import type { WriteOutcome, WrittenItem } from '../repository/write.ts'
import type { UsageItem } from '../rules/batch.ts'

/** Lets usage of meters that fail open through while it cannot be counted. */
export function deferWhereOpen(
  lanes: Lanes<UsageItem, WrittenItem>,
  { catalogue, logger }: { catalogue: PlanCatalogue; logger: Dependencies['logger'] },
): Deferral<UsageItem, WrittenItem> {
  return createDeferral({
    accountOf: ({ tenantId }) => tenantId,
    write: lanes.write,
    defer: (item) => {
      // The catalogue may be reloaded. Who asks for more than its share waits as everybody does.
      if (catalogue.meters[item.meter]?.failMode !== 'open' || lanes.isFull(item)) return null
      return canBeLater(item) ? deferred(item) : null
    },
    refusalOf: ({ outcome }) => (isKept(outcome) ? null : outcome),
    logger,
  })
}

export const isKept = (outcome: WriteOutcome) => outcome === 'counted' || outcome === 'duplicate'

/** What a gauge is set to has to be told again, and who takes an event back is shown the event that does it. */
const canBeLater = ({ mode }: UsageItem) => mode === 'track' || mode === 'consume'

/** It has happened by the time that it is counted, and so whatever the limit. */
const deferred = (item: UsageItem): { answer: WrittenItem; later: UsageItem } => ({
  answer: { outcome: 'deferred', used: 0, limit: null, hardLimit: null, held: 0, heldUntil: null, first: null },
  later: { ...item, mode: 'track' },
})
