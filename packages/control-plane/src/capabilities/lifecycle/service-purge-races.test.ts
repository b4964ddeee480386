import { signContext } from '@tenantry/kernel/tenancy/signed-context'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeRow, type TenantTable } from '../../../test/isolation-rows.fixture.ts'
import { meteredTables } from '../../entities.ts'
import { operator } from '../../testing.ts'
import { purgeBatch } from './repository.ts'
import { asOperator, openPurgeTrial, type PurgeTrial, purgeUnit } from './service.fixture.ts'

let trial: PurgeTrial
beforeAll(async () => {
  trial = await openPurgeTrial()
})
beforeEach(() => trial.travelTo(0))
afterAll(() => trial.close())

describe('a restore against the purge', () => {
  test('at the same moment: one wins, and nothing is half', async () => {
    const won = { restore: 0, purge: 0 }
    for (let round = 0; round < 8; round++) {
      const tenant = await trial.createFullTenant()
      await trial.removed(tenant)
      const before = await trial.rowsOf(tenant.id)
      // For the clock of the process there is still time: the lock decides.
      trial.travelTo(-2)
      const restoring = () => asOperator(trial).tenants.restore({ tenantId: tenant.id, reason: 'Wait!' })
      const purging = () => trial.purge(tenant.id, 1)
      const contenders = round % 2 ? [restoring(), purging()] : [purging(), restoring()]
      await Promise.allSettled(contenders)
      trial.travelTo(0)
      const { status } = await trial.rowOf(tenant.id)
      const rows = await trial.rowsOf(tenant.id)
      if (status === 'active') {
        won.restore += 1
        for (const name of trial.names) expect(rows[name], name).toBeGreaterThanOrEqual(before[name] ?? 0)
        expect(await trial.purge(tenant.id)).toBe('not_due')
      } else {
        won.purge += 1
        expect(status).toBe('purged')
        expect(Object.values(rows).every((count) => count === 0)).toBe(true)
      }
    }
    expect(won.restore + won.purge).toBe(8)
  })

  test('comes too late once one batch is gone', async () => {
    const tenant = await trial.createFullTenant()
    await trial.removed(tenant)
    await trial.batch(tenant.id, 1)
    trial.travelTo(-2)
    await expect(asOperator(trial).tenants.restore({ tenantId: tenant.id, reason: 'Wait!' })).rejects.toMatchObject({
      code: 'tenant.invalid_transition',
      details: { from: 'deleting', to: 'active' },
    })
    trial.travelTo(0)
    await trial.purge(tenant.id)
  })

  test('no row comes to any table of a purged tenant, not even one that waited for the end', async () => {
    const tenant = await trial.createFullTenant()
    await trial.removed(tenant)
    const [emptied, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const purging = trial.database.tenantUnit(purgeUnit(tenant.id), async (em) => {
      while ((await purgeBatch(em, 5_000)).outcome !== 'purged');
      emptied.resolve()
      await release.promise
    })
    await emptied.promise
    const metered = meteredTables.map(({ meta }) => `${meta.schema}.${meta.tableName}`)
    const names = trial.names.filter((name) => !metered.includes(name))
    const tables = trial.tables.filter(({ kind, name }) => kind === 'table' && names.includes(name))
    const writing = tables.map((table) => write(tenant.id, table))
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    const waiters = async () => (await trial.admin.query(waiting)).rowCount
    await expect.poll(waiters, { timeout: 10_000 }).toBe(names.length)
    release.resolve()
    await purging
    const refused = { code: '23503', message: 'a purged tenant takes no rows' }
    for (const [index, { name }] of tables.entries()) expect(await writing[index], name).toMatchObject(refused)
    for (const table of tables) expect(await write(tenant.id, table), table.name).toMatchObject(refused)
    expect(Object.values(await trial.rowsOf(tenant.id)).filter((count) => count > 0)).toEqual([])
  })
})

/** How a row of the tenant is refused, to a session that neither policy nor grant holds back. */
async function write(tenantId: string, table: TenantTable): Promise<unknown> {
  const context = signContext(trial.testDatabase.signingKey, 'tenant', tenantId)
  const client = new pg.Client(trial.testDatabase.adminUrl)
  await client.connect()
  const row = makeRow(table, { id: tenantId, marker: 'late' })
  const places = Object.keys(row).map((_, index) => `$${index + 1}`)
  try {
    await client.query(`select set_config('tenancy.tenant_context', $1, false)`, [context])
    return await client.query(`insert into ${table.name} (${Object.keys(row)}) values (${places})`, Object.values(row))
  } catch (error) {
    return error
  } finally {
    await client.end()
  }
}

describe('deletion reports', () => {
  test('are listed, the last purge first, page by page', async () => {
    const reports = asOperator(trial).deletionReports
    const made: string[] = []
    for (let count = 0; count < 3; count++) {
      const { id } = await trial.createTenant()
      await trial.removed({ id })
      await trial.purge(id)
      made.unshift(id)
    }
    const first = await reports.list({ limit: 2 })
    expect(first.items.map(({ tenantId }) => tenantId)).toEqual(made.slice(0, 2))
    const second = await reports.list({ limit: 1, cursor: first.nextCursor ?? '' })
    expect(second.items.map(({ tenantId }) => tenantId)).toEqual(made.slice(2))
  })

  test('that an operator reads stand in the platform’s log, each with its tenant', async () => {
    const reader = { ...operator, id: '00000000-0000-7000-8000-00000000000a' }
    const made = [await trial.createTenant(), await trial.createTenant()].map(({ id }) => id)
    for (const id of made) {
      await trial.removed({ id })
      await trial.purge(id)
      await trial.callerAs(reader).deletionReports.get({ tenantId: id })
    }
    const log = (await trial.platformAuditEntries()).filter(({ actorId }) => actorId === reader.id)
    expect(log.map(({ concernsTenantId }) => concernsTenantId)).toEqual(made)
  })

  test('are for platform admins; of a tenant that was not purged there is none', async () => {
    const { tenant, caller } = await trial.enter()
    const denied = { code: 'auth.permission_denied' }
    await expect(caller.deletionReports.list({})).rejects.toMatchObject(denied)
    await expect(caller.deletionReports.get({ tenantId: tenant.id })).rejects.toMatchObject(denied)
    await expect(asOperator(trial).deletionReports.get({ tenantId: tenant.id })).rejects.toMatchObject({
      code: 'deletion_report.not_found',
    })
  })

  test('can be changed by nobody', async () => {
    for (const statement of [
      'update tenantry.deletion_reports set requested_by = $1',
      'delete from tenantry.deletion_reports where requested_by = $1',
    ])
      await expect(
        trial.database.platformUnit({ actor: operator, readOnly: false }, (em) =>
          em.execute(statement.replace('$1', "'x'")),
        ),
      ).rejects.toMatchObject({ code: '42501' })
  })
})
