import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { getOwnTenant, knownPlan, standingNow } from '../../tenant/index.ts'
import type { previewPlanChange } from '../contract.ts'
import { compare } from './comparison.ts'

/** Throws `tenant.unknown_plan`. */
export async function preview(ctx: TenantContext, { plan }: z.output<typeof previewPlanChange.input>) {
  const to = knownPlan(ctx.services.catalogue, plan)
  return compare(ctx, await standingNow(ctx, await getOwnTenant(ctx.em)), to)
}
