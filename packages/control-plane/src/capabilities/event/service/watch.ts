import type { StreamItem, TenantStreamContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import type { tenantEvent, watchEvents as watchOperation } from '../contract.ts'
import { type EventRow, findRange, listEventsAfter } from '../repository.ts'
import { visibleTypes } from '../rules/visible.ts'
import type { EventStream } from './streams.ts'

type Watched = z.output<typeof watchOperation.output>

const rowsPerReading = 50

/**
 * Reads on only when the last events were taken, so that a slow listener costs nothing. Throws
 * `event.too_many_streams`, or what the pipeline would refuse the caller with by now.
 */
export async function* watch(
  ctx: TenantStreamContext,
  { lastEventId }: { lastEventId?: string | undefined },
): AsyncGenerator<StreamItem<Watched>, void> {
  const stream = ctx.services.eventStreams.open(ctx.tenant.id)
  try {
    let position = await findStart(ctx, lastEventId)
    if (String(position) !== lastEventId) {
      const reason = lastEventId === undefined ? 'started' : 'gap'
      yield item(position, { type: 'resync', occurredAt: ctx.clock.now().toISOString(), reason })
    }
    while (!ctx.signal.aborted) {
      const rows = await readAfter(ctx, stream, position)
      const types: readonly string[] = visibleTypes((await ctx.recheck()).scopes)
      for (const row of rows) {
        if (types.includes(row.type)) yield item(row.position, described(row))
        position = row.position
      }
      if (rows.length < rowsPerReading) await stream.wait(ctx.signal)
    }
  } finally {
    stream.close()
  }
}

/** Where the caller left off, or else the newest event. */
async function findStart(ctx: TenantStreamContext, lastEventId: string | undefined): Promise<number> {
  const { latest, oldest } = await ctx.read(findRange)
  const last = Number(lastEventId)
  return last >= oldest && last <= latest ? last : latest
}

const readAfter = (ctx: TenantStreamContext, stream: EventStream, position: number) =>
  stream.shared(position, () => ctx.read((em) => listEventsAfter(em, position, rowsPerReading)))

/** Whatever was stored fitted the contract, as every answer has to again. */
export const described = ({ type, occurredAt, data }: EventRow) =>
  ({ ...data, type, occurredAt: occurredAt.toISOString() }) as z.output<typeof tenantEvent>

const item = (position: number, data: Watched): StreamItem<Watched> => ({ id: String(position), data })
