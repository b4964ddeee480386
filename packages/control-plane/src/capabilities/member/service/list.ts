import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import type { listMembers as listOperation } from '../contract.ts'
import { listMembers } from '../repository.ts'
import { describeAll } from './describe.ts'

type ListInput = Omit<z.output<typeof listOperation.input>, 'tenantId'>

export async function list(ctx: TenantContext, { limit, cursor, role, q }: ListInput) {
  const rows = await listMembers(ctx.em, { after: cursor ?? null, limit: limit + 1, role: role ?? null, q: q ?? null })
  const items = await describeAll(ctx, rows.slice(0, limit))
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.userId ?? null) : null }
}
