import type { PlatformContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { isUuid } from '@tenantry/kernel/tenancy/id'
import type { z } from 'zod'
import { exportedKinds, type exportUser as exportOperation } from '../contract.ts'
import { listExported, start } from '../repository/export.ts'
import { getUser } from './get.ts'

interface Place {
  kind: number
  tenantId: string
  id: string
}

/** Throws `user.not_found`, and `request.invalid` for what is no cursor of ours. */
export async function exportPage(
  { em }: PlatformContext,
  { userId, cursor, limit }: z.output<typeof exportOperation.input>,
) {
  const user = await getUser(em, userId)
  const place = cursor === undefined ? { kind: 0, ...start } : readCursor(cursor)
  const items = []
  for (const [number, kind] of exportedKinds.entries()) {
    if (number < place.kind || items.length > limit) continue
    const after = number === place.kind ? place : start
    const rows = await listExported(em, kind, { user, after, limit: limit + 1 - items.length })
    items.push(...rows.map((row) => ({ kind, ...row })))
  }
  const last = items.length > limit ? items[limit - 1] : undefined
  return { items: items.slice(0, limit), nextCursor: last ? cursorOf(last) : null }
}

const cursorOf = ({ kind, tenantId, id }: { kind: string; tenantId: string | null; id: string }) =>
  [kind, tenantId ?? start.tenantId, id].join('.')

function readCursor(cursor: string): Place {
  const [kind, tenantId, id, ...more] = cursor.split('.')
  const number = (exportedKinds as readonly unknown[]).indexOf(kind)
  if (number >= 0 && isUuid(tenantId) && isUuid(id) && more.length === 0) return { kind: number, tenantId, id }
  throw requestErrors.invalid({ issues: [{ path: 'cursor', message: 'Expected the nextCursor of a page.' }] })
}
