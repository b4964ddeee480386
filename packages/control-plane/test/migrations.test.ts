import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { runMigrations } from '@tenantry/kernel/tenancy/migrate'
import { createDatabase, dropDatabase, provisionDatabase } from '@tenantry/kernel/tenancy/provision'
import pg from 'pg'
import { expect, inject, onTestFinished, test } from 'vitest'
import { migrations } from '../migrations/index.ts'
import { entities } from '../src/entities.ts'
import { inspectInstallation } from '../src/inspection.ts'
import { type MigrateOptions, migrate } from '../src/migrate.ts'
import { cloneTemplate, type TestDatabase } from '../src/testing-database.ts'

const server = `${inject('postgresUrl')}/postgres`
const newName = () => `test_${randomBytes(8).toString('hex')}`

async function cloned(): Promise<TestDatabase> {
  const database = await cloneTemplate(server, newName())
  onTestFinished(() => database.drop())
  return database
}

/** A provisioned database that no migration has touched; the roles and their passwords are those of the server. */
async function emptyDatabase(): Promise<MigrateOptions> {
  const { urls, signingKey, adminUrl } = await cloned()
  const name = newName()
  onTestFinished(() => dropDatabase(server, name))
  await createDatabase(server, name)
  const within = (url: string) => Object.assign(new URL(url), { pathname: `/${name}` }).href
  await provisionDatabase(within(adminUrl))
  return {
    ownerUrl: within(urls.tenantry_owner),
    jobsUrl: within(urls.tenantry_jobs),
    signingKeys: [signingKey],
  }
}

async function ask<Row>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows as Row[]
  } finally {
    await client.end()
  }
}

const names = migrations.map(({ name }) => name)

test('a fresh database is migrated to what entities and grants declare, by a role that is no superuser', async () => {
  const options = await emptyDatabase()
  const attributes =
    'select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls from pg_roles where rolname = current_user'
  expect(await ask(options.ownerUrl, attributes)).toEqual([
    { rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolbypassrls: false },
  ])
  expect(await migrate(options)).toEqual(names)
  expect(await inspectInstallation(options.ownerUrl)).toEqual([])
})

test('migrating again runs nothing, changes nothing and installs no signing key twice', async () => {
  const { urls, signingKey } = await cloned()
  const options = { ownerUrl: urls.tenantry_owner, jobsUrl: urls.tenantry_jobs, signingKeys: [signingKey] }
  const keys = 'select kid, secret, created_at, retires_at from tenancy.signing_keys'
  const ran = 'select * from tenancy.migrations order by id'
  const before = [await ask(options.ownerUrl, keys), await ask(options.ownerUrl, ran)]
  expect(before).toEqual([
    [{ kid: signingKey.kid, secret: signingKey.secret, created_at: expect.any(Date), retires_at: null }],
    names.map((name) => expect.objectContaining({ name })),
  ])

  expect(await migrate(options)).toEqual([])
  expect([await ask(options.ownerUrl, keys), await ask(options.ownerUrl, ran)]).toEqual(before)
  expect(await inspectInstallation(options.ownerUrl)).toEqual([])
})

test('only the migrations that are new run on a database that has the others', async () => {
  const { urls } = await cloned()
  const added = { name: '29991231235959_added', sql: 'comment on schema tenantry is $$added$$' }
  const target = { ownerUrl: urls.tenantry_owner, entities, migrations: [...migrations, added] }
  expect(await runMigrations(target)).toEqual([added.name])
  expect(await runMigrations(target)).toEqual([])
})

test('a migration that fails leaves nothing of those before it', async () => {
  const { ownerUrl } = await emptyDatabase()
  const broken = { name: '29991231235959_broken', sql: 'select 1 / 0' }
  await expect(runMigrations({ ownerUrl, entities, migrations: [...migrations, broken] })).rejects.toThrow(/by zero/)
  const tables = `select relname from pg_class where relnamespace = 'tenantry'::regnamespace`
  expect(await ask(ownerUrl, tables)).toEqual([])
})

test('migrations have unique names in the order of their numbers, and each is its file', async () => {
  expect(names).toEqual([...new Set(names)].sort())
  for (const name of names) expect(name).toMatch(/^\d{14}_[a-z][a-z0-9_]*$/)
  const files = (await readdir(new URL('../migrations', import.meta.url))).filter((file) => file !== 'index.ts')
  // The first one is the kernel's.
  expect(files.map((file) => file.replace(/\.ts$/, '')).sort()).toEqual(names.slice(1))
})
