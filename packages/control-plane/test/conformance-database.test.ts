import { randomBytes } from 'node:crypto'
import {
  type Finding,
  inspect,
  type PrintedDeclarations,
  printDeclarations,
  type Query,
} from '@tenantry/kernel/tenancy/inspection'
import { declaredFunctions, declaredTriggers } from '@tenantry/kernel/tenancy/inspection/declared-sql'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { meteredTables, tenantTables } from '../src/entities.ts'
import { expectedDatabase, inspectInstallation } from '../src/inspection.ts'
import { cloneTemplate, type TestDatabase } from '../src/testing-database.ts'
import { breaches } from './conformance-breaches.fixture.ts'

let database: TestDatabase
let admin: pg.Client
let printed: PrintedDeclarations

const query: Query = async (sql, values) => (await admin.query(sql, values)).rows

beforeAll(async () => {
  database = await cloneTemplate(`${inject('postgresUrl')}/postgres`, `test_${randomBytes(8).toString('hex')}`)
  admin = new pg.Client(database.adminUrl)
  await admin.connect()
  printed = await rolledBack(() => printDeclarations(query, expectedDatabase))
})
afterAll(async () => {
  await admin.end()
  await database.drop()
})

async function rolledBack<Result>(work: () => Promise<Result>): Promise<Result> {
  await admin.query('begin')
  try {
    return await work()
  } finally {
    await admin.query('rollback')
  }
}

/** What is found once the database is broken; it is whole again afterwards. */
const findingsAfter = (breach: string): Promise<Finding[]> =>
  rolledBack(async () => {
    await admin.query(breach)
    return (await inspect(query, expectedDatabase, printed)).flatMap(({ findings }) => findings)
  })

test.each(breaches)('a breach at %s is found: %s', async (subject, breach, message) => {
  expect(await findingsAfter(breach)).toContainEqual({ subject, message: expect.stringMatching(message) })
})

test('an extension that nobody needs is a warning; one that is elsewhere a failure', async () => {
  expect(await findingsAfter('create extension pg_trgm with schema tenancy')).toContainEqual({
    subject: 'extension pg_trgm',
    message: expect.stringMatching(/does not use it/),
    severity: 'warning',
  })
  expect(await findingsAfter('alter extension pgcrypto set schema public')).toContainEqual({
    subject: 'extension pgcrypto',
    message: expect.stringMatching(/not in the schema tenancy/),
  })
})

test('a partition is under forced row-level security and reached through its parent only', async () => {
  const partitioned = (name: string) => `
    alter table tenantry.usage_daily rename to flat;
    create table tenantry.usage_daily (like tenantry.flat) partition by range (day);
    create table tenantry.${name} partition of tenantry.usage_daily default;
    create unique index first_day on tenantry.${name} (day);
    grant select on tenantry.${name} to tenantry_app`
  const found = await findingsAfter(partitioned('usage_rest'))
  expect(found.filter(({ subject }) => subject === 'table tenantry.usage_rest').map(({ message }) => message)).toEqual([
    expect.stringMatching(/owns it/),
    expect.stringMatching(/security is off/),
    expect.stringMatching(/not forced/),
    expect.stringMatching(/first_day does not begin with tenant_id/),
    expect.stringMatching(/tenantry_app holds select/),
  ])
})

test('a table that the declared policies do not fit, and a function that cannot be made, are told of', async () => {
  const found = await rolledBack(async () => {
    await admin.query('alter table tenantry.memberships rename column user_id to person_id')
    return inspect(query, expectedDatabase, await printDeclarations(query, expectedDatabase))
  })
  const findings = found.flatMap((check) => check.findings)
  expect(findings).toContainEqual({
    subject: 'table tenantry.memberships',
    message: expect.stringMatching(/do not fit it .*user_id/),
  })
  expect(findings).toContainEqual({
    subject: 'function directory.memberships',
    message: expect.stringMatching(/cannot be made .*user_id/),
  })
})

test('no function that is parsed where it stands reads columns by *, which a later one would change', () => {
  const starred = declaredFunctions(expectedDatabase.scripts).filter(({ statement }) =>
    /\bbegin\s+atomic\b[\s\S]*(?:\bselect\s+|\.)\*/i.test(statement),
  )
  expect(starred.map(({ schema, name }) => `${schema}.${name}`)).toEqual([])
})

const nameOf = ({ meta }: (typeof tenantTables)[number]) => `${meta.schema}.${meta.tableName}`
const guarded = tenantTables.filter((table) => !meteredTables.some((metered) => metered === table)).map(nameOf)

test('every tenant table that is not metered refuses rows of a purged tenant, once for each statement', async () => {
  const refusing = declaredTriggers(expectedDatabase.scripts).filter(({ name }) => name === 'refuse_purged')
  expect(refusing.map(({ table }) => table).sort()).toEqual(guarded.toSorted())
  const forms = new Set(refusing.map(({ statement, table }) => statement.replace(table, 'a table')))
  expect([...forms]).toEqual([
    'create trigger refuse_purged before insert on a table for each statement execute function lifecycle.refuse_purged()',
  ])
})

// Such a trigger asks for the signed tenant only, and looks at no row.
test('no policy lets a statement put rows of another than the signed tenant into a tenant table', async () => {
  const others = await query(
    `select polrelid::regclass::text as "table", polname as policy from pg_policy
      where polrelid::regclass::text = any ($1) and polcmd in ('*', 'a')
        and pg_get_expr(coalesce(polwithcheck, polqual), polrelid)
            <> '(tenant_id = ( SELECT tenancy.current_tenant() AS current_tenant))'
        and exists (select from unnest(polroles) role where has_any_column_privilege(role, polrelid, 'insert'))`,
    [guarded],
  )
  expect(others).toEqual([])
})

test('what is metered is written by the metering functions alone', async () => {
  const writers = await query(
    `select distinct grantee from information_schema.column_privileges
      where table_schema || '.' || table_name = any ($1) and privilege_type in ('INSERT', 'UPDATE')
        and grantee <> 'tenantry_owner'`,
    [meteredTables.map(nameOf)],
  )
  expect(writers).toEqual([{ grantee: 'tenantry_metering' }])
})

test('a database that is as declared has no findings, and none is left by looking', async () => {
  const looked = [await inspectInstallation(database.urls.tenantry_owner), await findingsAfter('select 1')]
  expect(looked).toEqual([[], []])
})

test('what only the schema of a table differs in is found too', async () => {
  await admin.query('alter table tenantry.users add column nickname text')
  expect(await inspectInstallation(database.urls.tenantry_owner)).toEqual([
    { subject: 'schema tenantry', message: expect.stringMatching(/drop column "nickname"/) },
  ])
  await admin.query('alter table tenantry.users drop column nickname')
})
