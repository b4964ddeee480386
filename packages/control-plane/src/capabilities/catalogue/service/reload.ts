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
  const anchored = plans.changed.filter(({ fields }) => fields.includes('periodAnchor')).map(({ name }) => name)
  const lostPlans = [...plans.removed, ...anchored]
  const lostMeters = [...meters.removed, ...recounted.map(({ name }) => name)]
  if (lostPlans.length + lostMeters.length === 0) return
  const counts = await countTenantsByPlan(em, lostPlans)
  refuseInUse({
    // The periods of its tenants would begin anew amid what they have used.
    plans: new Map(
      [...counts].map(([name, tenants]) => [anchored.includes(name) ? `${name}.periodAnchor` : name, tenants]),
    ),
    meters: await countTenantsUsing(em, lostMeters, clock.now()),
  })
}
