import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { pageById } from '@tenantry/kernel/contract/page'
import type { z } from 'zod'
import type { listInvitations as listOperation } from '../contract.ts'
import { listInvitations } from '../repository.ts'
import { describe } from './describe.ts'

export async function list(ctx: TenantContext, { state, limit, cursor }: z.output<typeof listOperation.input>) {
  const now = ctx.clock.now()
  const rows = await listInvitations(ctx.em, { state, now, after: cursor, limit: limit + 1 })
  const { items, nextCursor } = pageById(rows, limit)
  return { items: items.map((row) => describe(row, now)), nextCursor }
}
