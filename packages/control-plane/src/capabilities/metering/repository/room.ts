import type { EntityManager } from '@mikro-orm/postgresql'

export interface AskedRoom {
  meter: string
  /** How many there are, where it is the product that counts. */
  counted: number | null
  adding: number
  now: Date
  /** Of the catalogue that limits must be made of. */
  catalogueRevision: number
  span: string
}

export interface FoundRoom {
  used: number
  /** Null is unlimited. */
  limit: number | null
  hardLimit: number | null
  allowed: boolean
  /** Whether alerts wait to be told. */
  isAlerted: boolean
}

/** Null where the limits must be made first. */
export async function askForRoom(
  em: EntityManager,
  { meter, counted, adding, now, catalogueRevision, span }: AskedRoom,
): Promise<FoundRoom | null> {
  const [row] = await em.execute<Record<string, unknown>[]>(
    'select * from metering.require_room(?, ?::bigint, ?::bigint, ?::timestamptz, ?::int, ?)',
    [meter, counted, adding, now, catalogueRevision, span],
  )
  if (!row?.ready) return null
  return {
    used: Number(row.used),
    limit: numberOf(row.included),
    hardLimit: numberOf(row.hard),
    allowed: row.allowed === true,
    isAlerted: row.alerted === true,
  }
}

/** Until the end of the transaction nobody else passes here for this tenant and meter. */
export async function holdRoom(em: EntityManager, meter: string): Promise<void> {
  await em.execute('select metering.hold_room(?)', [meter])
}

const numberOf = (value: unknown) => (value === null ? null : Number(value))
