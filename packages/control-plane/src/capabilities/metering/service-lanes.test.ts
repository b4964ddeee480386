import { readFileSync } from 'node:fs'
import { newId } from '@tenantry/kernel/tenancy/id'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { parseCatalogue } from '../plan/rules/catalogue.ts'
import { beginRun } from '../run/service.fixture.ts'
import { UsageEvent } from './entity.ts'
import { createMetering, type Metering } from './service/metering.ts'
import { itemOf } from './writers.fixture.ts'

const defaultCatalogue = new URL('../../../catalogue/default.yaml', import.meta.url)

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const write = (tenantId: string, given: object = {}) =>
  installation.dependencies.services.metering.write(itemOf({ tenantId, amount: 1, ...given }))

/** Holds the tenant's account as another process would, in a transaction that goes on. */
async function hold(tenantId: string): Promise<() => Promise<unknown>> {
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query('begin')
  await admin.query('select from tenantry.usage_accounts where tenant_id = $1 for update', [tenantId])
  return () => admin.query('commit')
}

test('one tenant that another process holds stalls nobody else, and is counted when it is free', async () => {
  const [held, ...others] = await Promise.all(Array.from({ length: 20 }, () => installation.createTenant()))
  const [id = '', otherIds] = [held?.id, others.map((tenant) => tenant.id)]
  await Promise.all([id, ...otherIds].map((tenantId) => write(tenantId)))
  const release = await hold(id)
  const answered: string[] = []
  const waiting = Promise.all(
    [id, id, id].map((tenantId) => write(tenantId).then(({ outcome }) => answered.push(outcome))),
  )
  const rest = await Promise.all(otherIds.map((tenantId) => write(tenantId)))
  expect(rest.map(({ outcome }) => outcome)).toEqual(otherIds.map(() => 'counted'))
  expect(answered).toEqual([])
  await release()
  await waiting
  expect(answered).toEqual(['counted', 'counted', 'counted'])
  expect(await write(id)).toMatchObject({ used: 5 })
})

/** Sessions that wait for what another holds. */
async function countWaiting(): Promise<number> {
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  const { rows } = await admin.query(
    `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )
  await admin.end()
  return rows[0].waiting as number
}

test('calls on an account that another process holds stall nothing that is counted, nor calls on others', async () => {
  const [held, other] = await Promise.all([installation.createTenant(), installation.createTenant()])
  await Promise.all([write(held.id), write(other.id)])
  const release = await hold(held.id)
  const begin = (tenantId: string) => beginRun(installation, { tenantId, id: newId(), workload: 'nightly' })
  const outcomes: string[] = []
  const waiting = [1, 2, 3, 4, 5, 6, 7, 8].map(() => begin(held.id).then(({ outcome }) => outcomes.push(outcome)))
  await expect.poll(countWaiting).toBeGreaterThan(0)
  expect((await write(other.id)).outcome).toBe('counted')
  expect((await begin(other.id)).outcome).toBe('started')
  expect(await countWaiting()).toBeLessThanOrEqual(1)
  expect(outcomes).toEqual([])
  await release()
  await Promise.all(waiting)
  expect(outcomes).toEqual(waiting.map(() => 'started'))
})

const beginOn = (tenantId: string) => beginRun(installation, { tenantId, id: newId(), workload: 'nightly' })

test('however many accounts others hold, calls on those that are free go on', async () => {
  const tenants = await Promise.all(Array.from({ length: 7 }, () => installation.createTenant()))
  const [free = '', ...held] = tenants.map(({ id }) => id)
  for (const id of [free, ...held]) await write(id)
  const releases = await Promise.all(held.map(hold))
  const waiting = held.map((id) => beginOn(id).catch((error: unknown) => error))
  await expect.poll(countWaiting).toBeGreaterThan(0)
  expect((await beginOn(free)).outcome).toBe('started')
  expect(await countWaiting()).toBeLessThanOrEqual(1)
  for (const release of releases) await release()
  await Promise.all(waiting)
})

test('one account has so many calls waiting and no more, so that there is room for those of others', async () => {
  const [held, other] = await Promise.all([1, 2].map(() => installation.createTenant({ plan: 'enterprise' })))
  const [id, otherId] = [held?.id ?? '', other?.id ?? '']
  await Promise.all([write(id), write(otherId)])
  const release = await hold(id)
  const refusals: unknown[] = []
  const waiting = Array.from({ length: 60 }, () => beginOn(id).catch((error: unknown) => refusals.push(error)))
  await expect.poll(() => refusals.length).toBe(10)
  expect(refusals[0]).toMatchObject({ code: 'service.overloaded', details: { retryAfterSeconds: 1 } })
  expect((await beginOn(otherId)).outcome).toBe('started')
  await release()
  await Promise.all(waiting)
  expect(refusals).toHaveLength(10)
})

test('who waits too long is told to come again, and nothing of it is counted later', async () => {
  const { id } = await installation.createTenant()
  await write(id)
  const release = await hold(id)
  await expect(write(id)).rejects.toMatchObject({ code: 'service.overloaded', details: { retryAfterSeconds: 1 } })
  await release()
  expect(await write(id)).toMatchObject({ used: 2 })
})

test('what a meter that fails open cannot count now is let through, and counted once when it can be', async () => {
  const { logger, services } = installation.dependencies
  const { metering } = services
  const told = vi.spyOn(logger, 'warn')
  onTestFinished(() => told.mockRestore())
  const { id } = await installation.createTenant()
  const call = () => write(id, { meter: 'api_calls', mode: 'consume', amount: 900 })
  await write(id, { meter: 'api_calls', amount: 900, key: 'known' })
  const release = await hold(id)
  const conflict = () => write(id, { meter: 'api_calls', amount: 1, key: 'known' })
  const answers = await Promise.all([call(), call(), conflict()])
  expect(answers.map(({ outcome }) => outcome)).toEqual(['deferred', 'deferred', 'deferred'])
  await expect(write(id)).rejects.toMatchObject({ code: 'service.overloaded' })
  expect(metering.deferred).toBe(3)
  await release()
  await expect.poll(() => metering.deferred, { timeout: 5_000 }).toBe(0)
  expect(await write(id, { meter: 'api_calls' })).toMatchObject({ used: 2_701 })
  expect(told.mock.calls).toContainEqual([{ account: id, count: 1, reasons: ['conflict'] }, expect.any(String)])
})

test('an item that the database cannot take is refused alone', async () => {
  const { id } = await installation.createTenant()
  await write(id)
  const items = Array.from({ length: 40 }, (_, n) => write(id, n === 17 ? { properties: '{no json' } : {}))
  const settled = await Promise.allSettled(items)
  expect(settled.flatMap(({ status }, n) => (status === 'rejected' ? [n] : []))).toEqual([17])
  expect(await write(id)).toMatchObject({ used: 41 })
})

test('of a tenant that is not there nothing is counted', async () => {
  const tenantId = '019cf6a1-4e00-7000-8000-00000000dead'
  expect(await write(tenantId)).toMatchObject({ outcome: 'unknown_tenant' })
})

test('a meter that the catalogue came to know later is limited from its first event on', async () => {
  const { id } = await installation.createTenant({ plan: 'free' })
  await write(id)
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query(`delete from tenantry.effective_limits where tenant_id = $1 and meter = 'pipeline_runs'`, [id])
  const runs = await Promise.all(Array.from({ length: 25 }, () => write(id, { meter: 'pipeline_runs' })))
  expect(runs.filter(({ outcome }) => outcome === 'counted')).toHaveLength(20)
})

test('processes of two catalogues both go on when limits change, and who has the newer makes them anew', async () => {
  const { clock, metrics, logger, services } = installation.dependencies
  const { id } = await installation.createTenant({ plan: 'free' })
  const runs = (metering: Metering, amount: number) =>
    metering.write(itemOf({ tenantId: id, meter: 'pipeline_runs', mode: 'consume', amount }))
  const newer = createMetering({
    database: installation.database,
    ...{ clock, metrics, logger },
    catalogue: parseCatalogue(
      readFileSync(defaultCatalogue, 'utf8').replace('pipeline_runs: 20', 'pipeline_runs: 30'),
      'newer',
    ),
    replacesCatalogue: true,
    announce: async () => undefined,
    remember: async () => undefined,
    forget: async () => undefined,
  })
  onTestFinished(() => newer.close())
  expect(await runs(services.metering, 1)).toMatchObject({ outcome: 'counted', hardLimit: 20 })
  expect(await runs(newer, 1)).toMatchObject({ outcome: 'counted', hardLimit: 30 })
  await change(id)
  expect(await runs(services.metering, 1)).toMatchObject({ outcome: 'counted', hardLimit: 20 })
  expect(await runs(newer, 25)).toMatchObject({ outcome: 'counted', hardLimit: 30 })
  expect(await runs(services.metering, 1)).toMatchObject({ outcome: 'counted', hardLimit: 30 })
})

/** As a change of what limits are made of. */
async function change(tenantId: string): Promise<void> {
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  onTestFinished(() => admin.end())
  await admin.query('update tenantry.usage_accounts set changes = changes + 1 where tenant_id = $1', [tenantId])
}

test('an account that must be made ready while another holds it stalls nobody else', async () => {
  const held = await installation.createTenant()
  await write(held.id)
  const others = await Promise.all(Array.from({ length: 20 }, () => installation.createTenant()))
  await change(held.id)
  const release = await hold(held.id)
  const waiting = write(held.id)
  const started = performance.now()
  await Promise.all(others.map(({ id }) => write(id)))
  expect(performance.now() - started).toBeLessThan(2_500)
  await release()
  expect(await waiting).toMatchObject({ outcome: 'counted', used: 2 })
})

test('what waits when the process ends is answered first, and nothing more is let in', async () => {
  await using ending = await openTestInstallation()
  const { id: tenantId } = await ending.createTenant()
  const { metering } = ending.dependencies.services
  const items = Array.from({ length: 1_200 }, () => metering.write(itemOf({ tenantId, amount: 1 })))
  const closing = metering.close()
  await expect(metering.write(itemOf({ tenantId, amount: 1 }))).rejects.toMatchObject({ code: 'service.overloaded' })
  await closing
  expect(metering.queued).toBe(0)
  expect(new Set((await Promise.all(items)).map(({ outcome }) => outcome))).toEqual(new Set(['counted']))
  const unit = { actor: operator, readOnly: true }
  expect(await ending.database.platformUnit(unit, (em) => em.count(UsageEvent, { tenantId }))).toBe(1_200)
})
