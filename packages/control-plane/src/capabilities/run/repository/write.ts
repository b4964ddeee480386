import type { Run } from '../../metering/index.ts'
import {
  type AccountGiven,
  type CounterValue,
  type HeldSlots,
  readBatch,
  runMeters,
  slotsValue,
  type UsageItem,
  type WrittenItem,
  type WrittenRow,
} from '../../metering/index.ts'

/** As the functions tell of a run. */
interface RunRow {
  id: string
  idempotency_key: string | null
  workload: string
  parameters: Record<string, unknown> | null
  state: Run['state']
  lease_seconds: number
  started_at: string
  expires_at: string
  ended_at: string | null
  period: string
}

interface Answered {
  outcome: string
  run?: RunRow
  refused?: { meter: string; limit: number; used: number; freeAt: string | null }
  /** Null where nothing was counted. */
  written?: WrittenRow | null
  held?: HeldSlots
}

export type ToldRun = Pick<
  Run,
  'id' | 'idempotencyKey' | 'workload' | 'parameters' | 'state' | 'leaseSeconds' | 'startedAt' | 'expiresAt' | 'endedAt'
>

/** That no slot was free, and when the first will be if nobody renews its lease; null where that helps nobody. */
export interface RefusedSlot {
  outcome: 'refused'
  meter: string
  limit: number
  used: number
  freeAt: Date | null
}

export type Started =
  | { outcome: 'started' | 'known'; run: ToldRun }
  | { outcome: 'conflict' | 'unknown_tenant' }
  | { outcome: 'uncounted'; item: WrittenItem }
  | RefusedSlot

export interface NewRun {
  /** Counts it; its id is the run's. */
  item: UsageItem
  workload: string
  parameters: Record<string, unknown> | null
  leaseSeconds: number
}

/** Takes a slot and one of the counter, or neither. */
export async function startRun(given: AccountGiven, { item, workload, parameters, leaseSeconds }: NewRun) {
  const row = await call(given, 'start_run', [
    ...[item.tenantId, item.id, item.key ?? '', workload, parameters === null ? '' : JSON.stringify(parameters)],
    ...[String(leaseSeconds), item.meter, runMeters.slots, item.period, item.span, item.day],
  ])
  if (row.outcome === 'unready') return 'unready'
  return answered<Started>({ ...item, amount: 1 }, row, ({ run, refused, items }) => {
    if (refused) return refused
    if (row.outcome === 'conflict' || row.outcome === 'unknown_tenant') return { outcome: row.outcome }
    if (row.outcome === 'uncounted') return { outcome: row.outcome, item: items[0] as WrittenItem }
    return { outcome: row.outcome as 'started' | 'known', run: run as ToldRun }
  })
}

export type Renewed = { outcome: 'renewed' | 'ended'; run: ToldRun } | { outcome: 'not_found' } | RefusedSlot

export async function renewRun(given: AccountGiven, { tenantId, id }: { tenantId: string; id: string }) {
  const row = await call(given, 'renew_run', [tenantId, id, runMeters.slots])
  if (row.outcome === 'unready') return 'unready'
  return answered<Renewed>({ tenantId }, row, ({ run, refused }) => {
    if (refused) return refused
    return run ? { outcome: row.outcome as 'renewed' | 'ended', run } : { outcome: 'not_found' }
  })
}

export interface EndedRun {
  tenantId: string
  id: string
  state: Exclude<Run['state'], 'running' | 'lost'>
  /** Of the counter. */
  currentPeriod: string
  /** Of the event that gives back what was counted, where it was not started. */
  eventId: string
}

export type Ended = { outcome: 'ended_now' | 'known' | 'ended'; run: ToldRun } | { outcome: 'not_found' }

export async function endRun(given: AccountGiven, { tenantId, id, state, currentPeriod, eventId }: EndedRun) {
  const row = await call(given, 'end_run', [tenantId, id, state, runMeters.counter, currentPeriod, eventId])
  if (row.outcome === 'unready') return 'unready'
  const period = row.run?.period ?? ''
  return answered<Ended>({ tenantId, period, amount: -1 }, row, ({ run }) =>
    run ? { outcome: row.outcome as 'ended_now' | 'known' | 'ended', run } : { outcome: 'not_found' },
  )
}

/** Writes down as many as that of the runs whose leases have ended as lost; returns how many there were. */
export async function loseGone(
  { database, now }: Pick<AccountGiven, 'database' | 'now'>,
  { tenantId, most }: { tenantId: string; most: number },
): Promise<number> {
  const [row] = await database.writeSigned<{ lost: number }>('select metering.lose_runs($1, $2, $3, $4) as lost', [
    now.toISOString(),
    tenantId,
    String(most),
  ])
  return Number(row?.lost)
}

async function call(
  { database, now, catalogueRevision, patient }: AccountGiven,
  name: string,
  given: readonly string[],
) {
  const values = [now.toISOString(), String(catalogueRevision), ...given]
  const places = values.map((_, index) => `$${index + 2}`).join(', ')
  const [row] = await database.writeSigned<{ answer: Answered }>(
    `select metering.${name}($1, ${patient}, ${places}) as answer`,
    values,
  )
  if (!row) throw new Error(`The function ${name} answered nothing`)
  return row.answer
}

interface Told {
  run: ToldRun | null
  refused: RefusedSlot | null
  items: WrittenItem[]
}

/** What was told, and what changed with it: for caches, and for whoever watches the tenant. */
function answered<Answer>(
  { tenantId, period = '', amount = 0 }: { tenantId: string; period?: string; amount?: number },
  { run, refused, written, held }: Answered,
  tell: (told: Told) => Answer,
) {
  const target = { tenantId, meter: runMeters.counter, period }
  const batch = written ? readBatch([target], [{ place: 1, amount, mode: 'track' }], written) : null
  const counters: CounterValue[] = [...(batch?.counters.get(tenantId) ?? []), ...(held ? [slotsValue(held)] : [])]
  const answer = tell({
    run: run ? toldOf(run) : null,
    refused: refused
      ? { outcome: 'refused', ...refused, freeAt: refused.freeAt === null ? null : new Date(refused.freeAt) }
      : null,
    items: batch?.items ?? [],
  })
  return { answer, counters, alerted: batch?.alerted ?? [] }
}

const toldOf = (row: RunRow): ToldRun => ({
  id: row.id,
  idempotencyKey: row.idempotency_key,
  workload: row.workload,
  parameters: row.parameters,
  state: row.state,
  leaseSeconds: row.lease_seconds,
  startedAt: new Date(row.started_at),
  expiresAt: new Date(row.expires_at),
  endedAt: row.ended_at === null ? null : new Date(row.ended_at),
})
