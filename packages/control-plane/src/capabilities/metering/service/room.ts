import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { serviceErrors } from '@tenantry/kernel/contract/errors'
import { limitErrors } from '../../limit/index.ts'
import { planNamed } from '../../plan/index.ts'
import { askForRoom, type FoundRoom, hasCurrentLimits, holdRoom } from '../repository/room.ts'
import { spanOf } from '../rules/tenant-period.ts'

export interface RoomWanted {
  /** 1 unless told; 0 has it known how many there are. */
  adding?: number
  /** For meters that are counted from `product`: how many there are, not counting what is added. Asked under the lock. */
  count?(): Promise<number>
}

/**
 * Makes sure that `adding` more fit below the limit of a meter, in the transaction that then makes them, and that nobody
 * else adds any until it has ended. Who asks for several meters asks in the order of their keys; who has changed what
 * limits are made of does not ask in the same transaction. Throws `usage.limit_exceeded`, `service.overloaded`.
 */
export async function requireRoom(ctx: TenantContext, meter: string, wanted: RoomWanted = {}): Promise<void> {
  const { adding = 1, count } = wanted
  const found = await ask(ctx, meter, { adding, count })
  if (found === null) return
  const { limit, hardLimit, used, allowed, isAlerted } = found
  if (!allowed)
    throw limitErrors.limit_exceeded(
      { meter, limit, hardLimit, used, remaining: roomOf(used, hardLimit) },
      `${adding} more of ${meter} would be above the limit of ${hardLimit}.`,
    )
  const { services, tenant, afterCommit } = ctx
  if (count) afterCommit(() => services.cache.invalidate(tenant.id, 'usage'))
  if (isAlerted) afterCommit(() => services.metering.tell(tenant.id))
}

/** How many more of our own rows fit, under the same lock; null where there is no limit. */
export async function findRoom(ctx: TenantContext, meter: string) {
  const found = await ask(ctx, meter, { adding: 0, count: undefined })
  if (found === null || found.hardLimit === null) return null
  const { limit, hardLimit, used } = found
  return { limit, hardLimit, used, room: roomOf(used, hardLimit) }
}

const roomOf = (used: number, hardLimit: number | null) => Math.max((hardLimit ?? used) - used, 0)

async function ask(
  { em, services, tenant, clock }: TenantContext,
  meter: string,
  { adding, count }: { adding: number; count: RoomWanted['count'] },
): Promise<FoundRoom | null> {
  const { catalogue, metering } = services
  if (!catalogue.meters[meter]) {
    // A catalogue of one's own need not limit our rows.
    if (!count) return null
    throw new Error(`The plan catalogue has no meter "${meter}" to count from the product`)
  }
  const now = clock.now()
  const { span } = spanOf('none', now, tenant, planNamed(catalogue, tenant.plan).periodAnchor)
  // What is made or taken away before counts too.
  await em.flush()
  const catalogueRevision = await metering.catalogueRevision()
  // Made by another connection, which nobody who waits for room must wait for.
  if (!(await hasCurrentLimits(em, { now, catalogueRevision }))) await metering.refresh([tenant.id])
  if (count) await holdRoom(em, meter)
  const counted = count ? await count() : null
  const asked = { tenantId: tenant.id, meter, counted, adding, now, catalogueRevision, span }
  const found = await askForRoom(em, metering.signValues, asked)
  if (found === null) throw serviceErrors.overloaded({ retryAfterSeconds: 1 })
  return found
}
