import { type Client, DatabaseError } from 'pg'
import type { Campaign } from './isolation-attacker.fixture.ts'
import { unusedValue } from './isolation-keys.fixture.ts'
import { insertOf, openRows, type Row, type TenantRows, type TenantTable } from './isolation-rows.fixture.ts'

export const servingRoles = ['tenantry_app', 'tenantry_platform'] as const

interface Statement {
  text: string
  values: unknown[]
}

/** How often the victim's values were tried against unused ones, and what came of it. */
export interface Probes {
  attempts: number
  /** Those that were refused before any row was looked for. */
  stopped: number
  through: string[]
}

export const noProbes = (): Probes => ({ attempts: 0, stopped: 0, through: [] })

export const tells = ({ attempts, stopped, through }: Probes) =>
  `${attempts} attempts, ${through.length} got through; ${stopped} met no row, refused for a privilege or a policy`

/** A fresh tenant, whose rows are its own, on a serving role's connection. */
export interface Prober {
  id: string
  rows: TenantRows
  client: Client
  /** Tries both and compares what is told, the values themselves aside. */
  compare(name: string, write: (row: Row) => Statement, rows: Variants): Promise<void>
}

/** One row as it would be with the victim's values, and with such that nobody has. */
export interface Variants {
  victims: Row
  unused: Row
}

export async function openProber(campaign: Campaign, client: Client, probes: Probes): Promise<Prober> {
  const { id } = await campaign.installation.createTenant()
  const context = () => campaign.sign('tenant', id)
  return {
    id,
    client,
    rows: openRows(campaign.admin, campaign.tables, { id, marker: 'mine' }),
    compare: async (name, write, { victims, unused }) => {
      const [taken, free] = [
        await told(client, context(), write(victims)),
        await told(client, context(), write(unused)),
      ]
      probes.attempts++
      if (taken.startsWith('42501')) probes.stopped++
      if (taken !== free) probes.through.push(`${name}: ${taken}, but for nobody’s ${free}`)
    },
  }
}

/** Rolled back, so that one probe does not stand in the way of the next. */
async function told(client: Client, context: string, { text, values }: Statement): Promise<string> {
  await client.query('begin')
  try {
    await client.query(`select set_config('tenancy.tenant_context', $1, true)`, [context])
    const { rowCount } = await client.query(text, values)
    await client.query('set constraints all immediate')
    return `${rowCount} rows`
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    const { code, message, detail, hint, constraint } = error
    return values
      .map((value) => (value instanceof Date ? value.toISOString() : String(value)))
      .filter((value) => value.length > 3)
      .reduce((told, value) => told.replaceAll(value, '?'), [code, message, detail, hint, constraint].join(' | '))
  } finally {
    await client.query('rollback')
  }
}

export const orNothing = ({ text, values }: Statement): Statement => ({
  text: `${text} on conflict do nothing`,
  values,
})

export const insertInto = (table: TenantTable) => (row: Row) => insertOf(table, row)

/** Of all rows that the context shows. */
export const updateOf =
  ({ name, tenantColumn }: TenantTable, columns: string[]) =>
  (row: Row): Statement => {
    const changed = columns.filter((column) => column !== tenantColumn)
    const set = changed.map((column, index) => `${column} = $${index + 1}`)
    return {
      text: `update ${name} set ${set.length > 0 ? set : `${tenantColumn} = ${tenantColumn}`}`,
      values: changed.map((column) => row[column]),
    }
  }

/** The row with these columns as somebody has them, or as nobody; `person` is a user who is in no tenant. */
export function variants(table: TenantTable, row: Row, taken: Row, person?: string): Variants {
  const [victims, unused] = [
    { ...row, ...taken },
    { ...row, ...taken },
  ]
  const people = table.foreignKeys.filter(({ target }) => target === 'tenantry.users').flatMap(({ columns }) => columns)
  for (const column of table.columns.filter(({ name }) => name in taken)) {
    const isPerson = person !== undefined && people.includes(column.name)
    unused[column.name] = isPerson ? person : unusedValue(column, taken[column.name])
  }
  return { victims, unused }
}

export const only = (row: Row, columns: string[]): Row =>
  Object.fromEntries(columns.map((column) => [column, row[column]]))
