import type { Actor } from '@tenantry/kernel/context/actor'
import { type OpenDatabase, openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { entities } from '../src/entities.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'

const actor: Actor = { type: 'system', name: 'test' }
const poolSize = 2

interface Opened {
  installation: TestInstallation
  database: OpenDatabase
  admin: pg.Client
  /** A unit of work that answers. */
  answers(): Promise<unknown>
}

async function open(): Promise<Opened> {
  const installation = await openTestInstallation()
  const { urls, signingKey, adminUrl } = installation.testDatabase
  const tenant = await installation.createTenant()
  const database = await openDatabase({
    appUrl: urls.tenantry_app,
    platformUrl: urls.tenantry_platform,
    entities,
    signingKey,
    poolSize,
    statementTimeoutMilliseconds: 5_000,
  })
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  onTestFinished(async () => {
    await Promise.all([admin.end(), database.close()])
    await installation.close()
  })
  const answers = () =>
    database.tenantUnit({ tenantId: tenant.id, actor, readOnly: false }, (em) => em.execute('select 1 as one'))
  return { installation, database, admin, answers }
}

test('a session that ends in the middle of a unit of work gives its place in the pool back', async () => {
  const { installation, database, admin, answers } = await open()
  const tenant = await installation.createTenant()
  for (let lost = 0; lost <= poolSize; lost++) {
    const unit = database.tenantUnit({ tenantId: tenant.id, actor, readOnly: false }, async (em) => {
      const [row] = await em.execute<{ pid: number }[]>('select pg_backend_pid() as pid')
      await admin.query('select pg_terminate_backend($1)', [row?.pid])
      await em.execute('select pg_sleep(1)')
    })
    await expect(unit).rejects.toThrow()
  }
  expect(await answers()).toEqual([{ one: 1 }])
})

test('sessions that end while they wait in the pool cost no place either, however often', async () => {
  const { database, admin, answers } = await open()
  for (let round = 0; round < 6; round++) {
    // The first to meet a session whose end is not heard of yet fails; the next has another.
    await expect.poll(() => answers().catch(String)).toEqual([{ one: 1 }])
    const ending = admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tenantry_app' and datname = current_database()`,
    )
    // This one may meet the session before its end is heard of: it fails or answers, but must not hold on to it.
    await Promise.allSettled([answers(), ending])
  }
  await expect.poll(() => answers().catch(String)).toEqual([{ one: 1 }])
  expect(database.pool()).toMatchObject({ waiting: 0 })
})

test('a session whose end nobody waited for and that then failed is handed out to nobody', async () => {
  const { installation, database, admin, answers } = await open()
  const tenant = await installation.createTenant()
  const pid = await database.tenantUnit({ tenantId: tenant.id, actor, readOnly: true }, async (em) => {
    const [row] = await em.execute<{ pid: number }[]>('select pg_backend_pid() as pid')
    // Read to its end by the commit.
    await em.execute('declare slow cursor with hold for select pg_sleep(60)')
    return row?.pid
  })
  expect(database.pool()).toMatchObject({ total: 1, idle: 1 })
  const total = async () => {
    await admin.query('select pg_cancel_backend($1)', [pid])
    return database.pool().total
  }
  await expect.poll(total, { timeout: 4_000 }).toBe(0)
  expect(await answers()).toEqual([{ one: 1 }])
})
