import type { PlatformContext } from '@tenantry/kernel/context/request-context'
import { pageById } from '@tenantry/kernel/contract/page'
import type { z } from 'zod'
import type { listUsers as listOperation } from '../contract.ts'
import { listUsers } from '../repository/users.ts'
import { summary } from './describe.ts'

export async function list({ em }: PlatformContext, { cursor, limit, q, state }: z.output<typeof listOperation.input>) {
  const rows = await listUsers(em, { after: cursor ?? null, limit: limit + 1, q: q ?? null, state: state ?? null })
  return pageById(rows.map(summary), limit)
}
