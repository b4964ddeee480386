import type { MeterSource } from '../../plan/index.ts'

/** What the database says of a table, as far as it matters to who reads it. */
export interface TableFacts {
  /** Of relation, as PostgreSQL has it. */
  kind: string
  isForced: boolean
  /** Whether a policy lets the application see rows at all. */
  hasPolicy: boolean
  columns: Readonly<Record<string, { type: string; isReadable: boolean }>>
}

const wholeNumbers = ['smallint', 'integer', 'bigint']

/** Why a source must not be read; null where it may. Null facts are those of a table that is not there. */
export function sourceFault({ table, column, at }: MeterSource, facts: TableFacts | null): string | null {
  if (facts === null) return `There is no table tenantry.${table}.`
  if (!['r', 'p'].includes(facts.kind)) return `tenantry.${table} is no table.`
  if (!facts.isForced) return `tenantry.${table} has no forced row-level security.`
  if (!facts.hasPolicy) return `tenantry.${table} has no policy that lets tenantry_app see the rows of its tenant.`
  const faults = [
    columnFault(facts, 'tenant_id', ['uuid']),
    ...(column === null ? [] : [columnFault(facts, column, wholeNumbers)]),
    ...(at === null ? [] : [columnFault(facts, at, ['timestamp with time zone'])]),
  ].filter((fault) => fault !== null)
  return faults.length === 0 ? null : `tenantry.${table}: ${faults.join(' ')}`
}

function columnFault({ columns }: TableFacts, name: string, types: readonly string[]): string | null {
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined
  if (column === undefined) return `It has no column ${name}.`
  if (!types.includes(column.type)) return `Its column ${name} is ${column.type}, not ${types.join(', ')}.`
  return column.isReadable ? null : `tenantry_app may not read its column ${name}.`
}
