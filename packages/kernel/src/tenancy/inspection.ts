import pg from 'pg'
import type { ExpectedDatabase, Finding, Query } from './inspection/expected.ts'
import { inspectFunctions } from './inspection/functions.ts'
import { inspectGrants } from './inspection/grants.ts'
import { inspectKeys } from './inspection/keys.ts'
import { inspectPolicies } from './inspection/policies.ts'
import { inspectRoles } from './inspection/roles.ts'
import { inspectTables } from './inspection/tables.ts'

export { entityTable } from './inspection/entity-table.ts'
export type {
  ExpectedDatabase,
  ExpectedGrants,
  ExpectedPolicy,
  ExpectedTable,
  Finding,
  Query,
} from './inspection/expected.ts'

const inspections = [inspectTables, inspectKeys, inspectPolicies, inspectGrants, inspectFunctions, inspectRoles]

/**
 * Compares PostgreSQL's catalogue with what is expected; no findings where they agree. Needs a transaction of the owner,
 * or of a superuser, that is rolled back: PostgreSQL prints the expected policies from copies of the tables.
 */
export async function inspect(query: Query, expected: ExpectedDatabase): Promise<Finding[]> {
  // So that names are printed with their schema.
  await query(`select set_config('search_path', 'pg_catalog', true)`)
  const findings: Finding[] = []
  for (const inspection of inspections) findings.push(...(await inspection(query, expected)))
  return findings
}

/** Inspects a live database in one snapshot; changes nothing and holds no lock that anybody waits for. */
export async function inspectDatabase(ownerUrl: string, expected: ExpectedDatabase): Promise<Finding[]> {
  const client = new pg.Client(ownerUrl)
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read')
    return await inspect(
      async <Row>(sql: string, values?: unknown[]) => (await client.query(sql, values)).rows as Row[],
      expected,
    )
  } finally {
    await client.query('rollback').finally(() => client.end())
  }
}
