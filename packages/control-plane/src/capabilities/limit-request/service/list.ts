import type { PlatformContext, TenantContext } from '@tenantry/kernel/context/request-context'
import { tenantSelectionErrors } from '@tenantry/kernel/contract/errors'
import { pageById } from '@tenantry/kernel/contract/page'
import type { z } from 'zod'
import { findTenantByReference } from '../../tenant/index.ts'
import type { listAllLimitRequests, listLimitRequests } from '../contract.ts'
import { listAllRequests, listRequests } from '../repository.ts'
import { describe } from './describe.ts'

export async function list({ em }: TenantContext, { state, limit, cursor }: z.output<typeof listLimitRequests.input>) {
  const found = await listRequests(em, { state, after: cursor, limit: limit + 1 })
  return pageById(found.map(describe), limit)
}

/** Of all tenants, or of the one that is named. Throws `tenant.not_found`. */
export async function listAll(
  { em }: PlatformContext,
  { state, tenantId, limit, cursor }: z.output<typeof listAllLimitRequests.input>,
) {
  const named = tenantId === undefined ? undefined : await findTenantByReference(em, tenantId)
  if (named === null) throw tenantSelectionErrors.not_found()
  const found = await listAllRequests(em, { state, tenantId: named?.id, after: cursor, limit: limit + 1 })
  return pageById(
    found.map(({ request, tenant }) => ({ ...describe(request), tenant })),
    limit,
  )
}
