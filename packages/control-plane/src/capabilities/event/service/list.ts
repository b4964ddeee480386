import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { z } from 'zod'
import type { listEvents as listOperation } from '../contract.ts'
import { listEventsBefore } from '../repository.ts'
import { visibleTypes } from '../rules/visible.ts'
import { described } from './watch.ts'

type Page = z.output<typeof listOperation.output>

/** Throws `request.invalid` for a cursor that no page has answered. */
export async function list(
  ctx: TenantContext,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Promise<Page> {
  const { scopes } = ctx.access
  const rows = await listEventsBefore(ctx.em, {
    position: cursor === undefined ? null : readCursor(cursor),
    types: visibleTypes(scopes),
    limit: limit + 1,
  })
  const items = rows.slice(0, limit).map((row) => ({ id: String(row.position), event: described(row) }))
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
}

function readCursor(cursor: string): number {
  if (/^\d{1,16}$/.test(cursor)) return Number(cursor)
  throw requestErrors.invalid({ issues: [{ path: 'cursor', message: 'Expected the nextCursor of a page.' }] })
}
