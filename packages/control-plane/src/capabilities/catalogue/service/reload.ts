import type { PlatformContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { countTenantsUsing } from '../../metering/index.ts'
import { countTenantsByPlan } from '../../tenant/index.ts'
import type { reloadCatalogue } from '../contract.ts'
import { diffCatalogues } from '../rules/diff.ts'
import type { LiveCatalogue } from './live.ts'
import { mustBeValid, refuseInUse } from './refusals.ts'

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    liveCatalogue: Pick<LiveCatalogue, 'read' | 'take' | 'isOutdated' | 'epoch' | 'announce' | 'catchUp'>
  }
}

type Diff = ReturnType<typeof diffCatalogues>

/** Throws `catalogue.invalid` with every fault, and `catalogue.in_use`. */
export async function reload(ctx: PlatformContext, { dryRun }: z.output<typeof reloadCatalogue.input>) {
  const { catalogue, liveCatalogue, metering } = ctx.services
  const next = mustBeValid(liveCatalogue.read())
  const diff = diffCatalogues(catalogue, next)
  await refuseRemoved(ctx, diff)
  const applied = !dryRun && next.digest !== catalogue.digest
  if (applied) {
    ctx.record('catalogue.reloaded', {
      changes: { digest: { before: catalogue.digest, after: next.digest } },
      details: { diff },
    })
    ctx.afterCommit(() => liveCatalogue.take(next))
    // Limits that were made of the one before are then outdated in every process.
    ctx.afterCommit(() => metering.refresh([]))
  } else ctx.afterCommit(liveCatalogue.catchUp)
  return { applied, ...diff }
}

/** What was counted by others of these would no longer stand for what it says. */
const countedBy = ['kind', 'period', 'countedFrom']

async function refuseRemoved({ em, clock }: PlatformContext, { plans, meters }: Diff): Promise<void> {
  const recounted = meters.changed.filter(({ fields }) => fields.some((field) => countedBy.includes(field)))
  if (plans.removed.length + meters.removed.length + recounted.length === 0) return
  const lost = [...meters.removed, ...recounted.map(({ name }) => name)]
  refuseInUse({
    plans: await countTenantsByPlan(em, plans.removed),
    meters: await countTenantsUsing(em, lost, clock.now()),
  })
}
