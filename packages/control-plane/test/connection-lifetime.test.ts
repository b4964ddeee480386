import type { Actor } from '@tenantry/kernel/context/actor'
import { type DatabaseOptions, openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import { expect, onTestFinished, test } from 'vitest'
import { entities } from '../src/entities.ts'
import { openTestInstallation } from '../src/testing.ts'

const actor: Actor = { type: 'system', name: 'test' }

async function open(lifetimes: Pick<DatabaseOptions, 'idleTimeoutMilliseconds' | 'lifetimeMilliseconds'>) {
  const installation = await openTestInstallation()
  const { urls, signingKey } = installation.testDatabase
  const { id: tenantId } = await installation.createTenant()
  const database = await openDatabase({
    appUrl: urls.tenantry_app,
    platformUrl: urls.tenantry_platform,
    entities,
    signingKey,
    poolSize: 2,
    statementTimeoutMilliseconds: 5_000,
    ...lifetimes,
  })
  onTestFinished(async () => {
    await database.close()
    await installation.close()
  })
  const session = () =>
    database.tenantUnit({ tenantId, actor, readOnly: true }, async (em) => {
      const [row] = await em.execute<{ pid: number }[]>('select pg_backend_pid() as pid')
      return row?.pid
    })
  return { database, session }
}

test('a connection that nobody needs is closed after the idle time', async () => {
  const { database, session } = await open({ idleTimeoutMilliseconds: 100 })
  await session()
  expect(database.pool().total).toBe(1)
  await expect.poll(() => database.pool().total, { timeout: 5_000 }).toBe(0)
})

test('a connection is replaced after its lifetime, although it is in use all the time', async () => {
  const { session } = await open({ lifetimeMilliseconds: 200 })
  const first = await session()
  expect(await session()).toBe(first)
  await expect.poll(session, { interval: 20, timeout: 5_000 }).not.toBe(first)
})

test('0 keeps a connection', async () => {
  const { database, session } = await open({ idleTimeoutMilliseconds: 0, lifetimeMilliseconds: 0 })
  const first = await session()
  expect(await session()).toBe(first)
  expect(database.pool()).toMatchObject({ total: 1, idle: 1 })
})
