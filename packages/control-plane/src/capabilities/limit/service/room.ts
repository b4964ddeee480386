import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { limitErrors } from '../contract.ts'
import { listOverrides, lockMeter } from '../repository.ts'
import { limitsOf } from './limits.ts'

/**
 * Makes sure that `adding` more fit below the hard limit of a meter, and that nobody else adds any until this transaction
 * has ended. `count` is asked under that lock. Who asks for several meters asks in the order of their keys. Throws
 * `usage.limit_exceeded`.
 */
export async function requireRoom(
  ctx: TenantContext,
  key: string,
  { count, adding = 1 }: { count(): Promise<number>; adding?: number },
): Promise<void> {
  const found = await findRoom(ctx, key, count)
  if (found === null || adding <= found.room) return
  const { limit, hardLimit, used } = found
  throw limitErrors.limit_exceeded(
    { meter: key, limit, used },
    `${adding} more of ${key} would be above the limit of ${hardLimit}.`,
  )
}

/** How many more fit, under the same lock; null where there is no limit. */
export async function findRoom(ctx: TenantContext, key: string, count: () => Promise<number>) {
  await lockMeter(ctx.em, ctx.tenant.id, key)
  const found = limitsOf(ctx, await listOverrides(ctx.em)).find(({ meter }) => meter === key)
  // A catalogue of one's own need not limit it.
  if (!found || found.hardLimit === null) return null
  const { limit, hardLimit } = found
  const used = await count()
  return { limit, hardLimit, used, room: Math.max(hardLimit - used, 0) }
}
