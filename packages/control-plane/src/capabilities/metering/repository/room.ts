import type { EntityManager } from '@mikro-orm/postgresql'
import type { Database } from '@tenantry/kernel/context/dependencies'

export interface AskedRoom {
  tenantId: string
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
  sign: Database['signValues'],
  { tenantId, meter, counted, adding, now, catalogueRevision, span }: AskedRoom,
): Promise<FoundRoom | null> {
  const told = [now.toISOString(), String(catalogueRevision), span]
  const signature = sign(['room', tenantId, meter, ...told])
  const [row] = await em.execute<Record<string, unknown>[]>(
    'select * from metering.require_room_at(?, ?, ?::bigint, ?::bigint, ?, ?, ?)',
    [signature, meter, counted, adding, ...told],
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

/** Whether the limits of the tenant of the unit of work need not be made first. */
export async function hasCurrentLimits(
  em: EntityManager,
  { now, catalogueRevision }: Pick<AskedRoom, 'now' | 'catalogueRevision'>,
): Promise<boolean> {
  const rows = await em.execute<unknown[]>(
    `select 1 from tenantry.usage_accounts
      where tenant_id = (select tenancy.current_tenant()) and changes = resolved_changes and catalogue_revision >= ?
        and (next_change_at is null or next_change_at > ?)`,
    [catalogueRevision, now],
  )
  return rows.length > 0
}

/** Until the end of the transaction nobody else passes here for this tenant and meter. */
export async function holdRoom(em: EntityManager, meter: string): Promise<void> {
  await em.execute('select metering.hold_room(?)', [meter])
}

const numberOf = (value: unknown) => (value === null ? null : Number(value))
