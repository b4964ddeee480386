import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { listApiKeysBefore } from '../repository.ts'
import { describe } from './describe.ts'

export async function list(ctx: TenantContext, { limit, cursor }: { limit: number; cursor?: string | undefined }) {
  const rows = await listApiKeysBefore(ctx.em, { before: cursor, limit: limit + 1 })
  const now = ctx.clock.now()
  const items = rows.slice(0, limit).map((row) => describe(row, now))
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}
