import type { EntitySchema } from '@mikro-orm/core'
import type { EntityManager } from '@mikro-orm/postgresql'
import type { TenantQuery } from '../context/dependencies.ts'
import { productSchema } from './roles.ts'

/** A table that has no entity: one of the product around us, by names that an operator gave. */
export interface NamedTable {
  table: string
  columns: readonly string[]
}

/** A table; of one that has columns which nobody may read, those that are read. */
type Source = EntitySchema | { entity: EntitySchema; columns: readonly string[] } | NamedTable

/** What needs no thought within quotes. */
const plainIdentifier = /^[a-z_][a-z0-9_]{0,62}$/

/** Throws for what is no plain identifier, so that nothing else of a name gets into SQL. */
export function quoted(name: string): string {
  if (!plainIdentifier.test(name)) throw new Error(`${JSON.stringify(name)} is no plain identifier`)
  return `"${name}"`
}

/**
 * Level one for SQL that is written by hand: each source is a table narrowed to the tenant, and `select` may read from
 * nothing else. Its own parameters begin at `$2`. Throws for an entity without a tenant, and where the text names a table.
 */
export function tenantQuery<Row>(sources: Record<string, Source>, select: string): TenantQuery<Row> {
  for (const [, source = ''] of select.matchAll(/\b(?:from|join|table)\s+([\w."]+)(?![\w."]|\s*\()/gi)) {
    if (!(source in sources)) throw new Error(`A tenant query reads from ${source}, which is none of its sources`)
  }
  if (clausesOf(select).some((text) => commaJoin.test(text)))
    throw new Error('A tenant query joins by name: write join')
  const narrowed = Object.entries(sources).map(([name, source]) => `${name} as not materialized (${ownRows(source)})`)
  return { text: `with ${narrowed.join(', ')} ${select}` }
}

/** The same in a transaction that is open; the tenant is the first of the values. */
export async function readWithin<Row>(
  em: EntityManager,
  { text: sql }: TenantQuery<Row>,
  parameters: readonly unknown[],
): Promise<Row[]> {
  const kysely = em.getKysely()
  const compiled = kysely.selectNoFrom(({ val }) => [val(1).as('one')]).compile()
  const { rows } = await kysely.executeQuery({ ...compiled, sql, parameters })
  return rows as Row[]
}

/** A comma between a `from` and what ends it. */
const commaJoin =
  /\bfrom\b(?:(?!\b(?:where|group|having|window|order|limit|offset|fetch|union|except|intersect)\b)[^,])*,/i

/** What stands in each pair of parentheses, and around them. */
function clausesOf(text: string): string[] {
  const [inner] = text.match(/\([^()]*\)/) ?? []
  return inner === undefined ? [text] : [inner, ...clausesOf(text.replace(inner, ' '))]
}

function ownRows(source: Source): string {
  if ('table' in source) {
    const columns = ['tenant_id', ...source.columns].map(quoted).join(', ')
    return `select ${columns} from ${productSchema}.${quoted(source.table)} where tenant_id = $1`
  }
  const { meta } = 'columns' in source ? source.entity : source
  if (!meta.filters?.tenant) throw new Error(`${meta.className} has no tenant`)
  const column = 'tenantId' in meta.properties ? 'tenant_id' : 'id'
  return `select ${'columns' in source ? source.columns.join(', ') : '*'} from ${meta.schema}.${meta.tableName} where ${column} = $1`
}
