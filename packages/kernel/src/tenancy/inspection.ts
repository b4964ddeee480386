import pg from 'pg'
import type { ExpectedDatabase, Finding, PrintedDeclarations, Query } from './inspection/expected.ts'
import { inspectExtensions } from './inspection/extensions.ts'
import { inspectForeignKeys } from './inspection/foreign-keys.ts'
import { inspectFunctionBodies, inspectFunctions, printFunctions } from './inspection/functions.ts'
import { inspectGrants } from './inspection/grants.ts'
import { inspectKeys } from './inspection/keys.ts'
import { inspectPolicies, printPolicies } from './inspection/policies.ts'
import { inspectActivity, inspectDefinitions, inspectRoles } from './inspection/roles.ts'
import { inspectRowSecurity, inspectTables } from './inspection/tables.ts'
import { inspectTriggers, printTriggers } from './inspection/triggers.ts'

export { entityTable } from './inspection/entity-table.ts'
export type {
  ExpectedDatabase,
  ExpectedGrants,
  ExpectedPolicy,
  ExpectedTable,
  Finding,
  PrintedDeclarations,
  Query,
} from './inspection/expected.ts'

export interface Inspection {
  name: string
  /** What holds where nothing is found. */
  promise: string
  /** Compares with what the code declares as PostgreSQL prints it. */
  needsPrint?: true
  inspect(query: Query, expected: ExpectedDatabase, printed: PrintedDeclarations): Promise<Finding[]>
}

export interface Inspected extends Pick<Inspection, 'name' | 'promise'> {
  findings: Finding[]
}

export const inspections: readonly Inspection[] = [
  {
    name: 'tables',
    promise: 'Every table is listed as a tenant table or a platform table, and owned by a role that serves no request.',
    inspect: inspectTables,
  },
  {
    name: 'row_security',
    promise: 'Row-level security is on and forced on every table and partition.',
    inspect: inspectRowSecurity,
  },
  {
    name: 'policies',
    promise: 'Every policy is to the letter the one that the code declares, and there is no other.',
    needsPrint: true,
    inspect: inspectPolicies,
  },
  {
    name: 'keys',
    promise:
      'Every key of a tenant table, and every foreign key to one, begins with the tenant; an index is behind each.',
    inspect: inspectKeys,
  },
  {
    name: 'foreign_keys',
    promise: 'Every foreign key of the migrations is there, checked and enforced.',
    inspect: inspectForeignKeys,
  },
  {
    name: 'grants',
    promise: 'Nobody holds more or less than is declared, by default privileges neither.',
    inspect: inspectGrants,
  },
  {
    name: 'functions',
    promise: 'Every function is listed; those that run as their owner have the right one and a fixed search_path.',
    inspect: inspectFunctions,
  },
  {
    name: 'function_bodies',
    promise: 'Every function does to the letter what the migrations say.',
    needsPrint: true,
    inspect: inspectFunctionBodies,
  },
  {
    name: 'triggers',
    promise: 'The triggers of the migrations are there to the letter, and no other trigger, rule or event trigger.',
    needsPrint: true,
    inspect: inspectTriggers,
  },
  {
    name: 'extensions',
    promise: 'Only the extensions that the product needs are installed.',
    inspect: inspectExtensions,
  },
  {
    name: 'roles',
    promise: 'No role bypasses row-level security, is a superuser or a member of another, or owns what it serves.',
    inspect: inspectRoles,
  },
  {
    name: 'activity',
    promise: 'The serving roles show no statement to other sessions, and cannot read theirs.',
    inspect: inspectActivity,
  },
  {
    name: 'definitions',
    promise: 'The serving roles can define, alter and drop nothing.',
    inspect: inspectDefinitions,
  },
]

/**
 * What the code declares as this PostgreSQL prints it. Needs a transaction of the owner, or of a superuser, that is
 * rolled back: it makes copies.
 */
export async function printDeclarations(query: Query, expected: ExpectedDatabase): Promise<PrintedDeclarations> {
  await nameFully(query)
  return {
    policies: await printPolicies(query, expected),
    triggers: await printTriggers(query, expected),
    ...(await printFunctions(query, expected)),
  }
}

/** Compares PostgreSQL's catalogue with what is expected; whoever may connect can. No findings where they agree. */
export async function inspect(
  query: Query,
  expected: ExpectedDatabase,
  printed: PrintedDeclarations,
): Promise<Inspected[]> {
  await nameFully(query)
  const results: Inspected[] = []
  for (const { name, promise, inspect: run } of inspections) {
    results.push({ name, promise, findings: await run(query, expected, printed) })
  }
  return results
}

/** So that names are printed with their schema. */
export const nameFully = (query: Query) => query(`select set_config('search_path', 'pg_catalog', true)`)

/** In one snapshot; changes nothing and holds no lock that anybody waits for. */
export async function withSnapshot<Result>(ownerUrl: string, work: (query: Query) => Promise<Result>): Promise<Result> {
  const client = new pg.Client(ownerUrl)
  await client.connect()
  try {
    await client.query('begin isolation level repeatable read')
    return await work(async <Row>(sql: string, values?: unknown[]) => (await client.query(sql, values)).rows as Row[])
  } finally {
    await client.query('rollback').finally(() => client.end())
  }
}
