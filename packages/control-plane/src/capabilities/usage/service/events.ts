import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { pageById } from '@tenantry/kernel/contract/page'
import type { z } from 'zod'
import type { UsageEvent } from '../../metering/index.ts'
import type { listUsageEvents as listOperation } from '../contract.ts'
import { listEventsBefore } from '../repository.ts'
import { callersKey, voidedBy } from '../rules/void-key.ts'
import { getMeter } from './track.ts'

type Page = z.output<typeof listOperation.output>

/** Throws `usage.unknown_meter`. */
export async function listEvents(
  ctx: TenantContext,
  { metric, cursor, limit }: z.output<typeof listOperation.input>,
): Promise<Page> {
  const meter = metric === undefined ? undefined : getMeter(ctx, metric).key
  const rows = await listEventsBefore(ctx.em, { meter, before: cursor, limit: limit + 1 })
  return pageById(rows.map(describe), limit)
}

export function describe(event: UsageEvent): Page['items'][number] {
  const { id, meter, amount, occurredAt, receivedAt, idempotencyKey, properties } = event
  return {
    id,
    metric: meter,
    amount,
    occurredAt: occurredAt.toISOString(),
    receivedAt: receivedAt.toISOString(),
    idempotencyKey: callersKey(idempotencyKey),
    voids: voidedBy(idempotencyKey),
    // The contract held them when they came.
    properties: (properties ?? null) as Page['items'][number]['properties'],
  }
}
