import type { PlatformContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { tenantSelectionErrors } from '@tenantry/kernel/contract/errors'
import { pageById } from '@tenantry/kernel/contract/page'
import { readWithin } from '@tenantry/kernel/tenancy/tenant-query'
import type { z } from 'zod'
import { limitOverrides, limitsOf } from '../../limit/index.ts'
import type { EffectiveLimit } from '../../plan/index.ts'
import { findTenantByReference } from '../../tenant/index.ts'
import type { listAllLimitRequests, listLimitRequests } from '../contract.ts'
import { type LimitRequest, listAllRequests, listRequests } from '../repository.ts'
import { describe } from './describe.ts'

export async function list(ctx: TenantContext, { state, limit, cursor }: z.output<typeof listLimitRequests.input>) {
  const found = await listRequests(ctx.em, { state, after: cursor, limit: limit + 1 })
  const [own] = await readWithin(ctx.em, limitOverrides, [ctx.tenant.id])
  const limits = limitsOf(ctx, own?.overrides ?? [])
  return pageById(
    found.map((request) => listed(request, limits)),
    limit,
  )
}

/** Of all tenants, or of the one that is named. Throws `tenant.not_found`. */
export async function listAll(
  { em, services, clock }: PlatformContext,
  { state, tenantId, limit, cursor }: z.output<typeof listAllLimitRequests.input>,
) {
  const named = tenantId === undefined ? undefined : await findTenantByReference(em, tenantId)
  if (named === null) throw tenantSelectionErrors.not_found()
  const found = await listAllRequests(em, { state, tenantId: named?.id, after: cursor, limit: limit + 1 })
  return pageById(
    found.map(({ request, tenant, overrides }) => ({
      ...listed(request, limitsOf({ services, tenant, clock }, overrides)),
      tenant,
    })),
    limit,
  )
}

/** A meter that the catalogue has no more has no limit. */
const listed = (request: LimitRequest, limits: EffectiveLimit[]) => ({
  ...describe(request),
  currentLimit: limits.find(({ meter }) => meter === request.meter)?.hardLimit ?? null,
})
