import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { operator } from '../../testing.ts'
import { purgeBatch } from './repository.ts'
import { asOperator, openPurgeTrial, type PurgeTrial, purgeUnit } from './service.fixture.ts'

let trial: PurgeTrial
beforeAll(async () => {
  trial = await openPurgeTrial()
})
beforeEach(() => trial.travelTo(0))
afterAll(() => trial.close())

const denied = {
  action: 'access.denied',
  outcome: 'denied',
  actor: operator,
  client: { address: null, userAgent: null },
  requestId: 'late',
} as const

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

  test('no entry comes to the log of a purged tenant, not even one that waited for the end', async () => {
    const tenant = await trial.createFullTenant()
    await trial.removed(tenant)
    const [emptied, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const purging = trial.database.tenantUnit(purgeUnit(tenant.id), async (em) => {
      while ((await purgeBatch(em, 5_000)).outcome !== 'purged');
      emptied.resolve()
      await release.promise
    })
    await emptied.promise
    const entry = { ...denied, at: new Date() }
    const writing = trial.database.tenantUnit({ tenantId: tenant.id, actor: operator, readOnly: false }, (em) =>
      trial.dependencies.auditLog.append(em, tenant.id, [entry]),
    )
    const refused = expect(writing).rejects.toThrow(/purged tenant/)
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await expect.poll(async () => (await trial.admin.query(waiting)).rowCount, { timeout: 10_000 }).toBe(1)
    release.resolve()
    await Promise.all([purging, refused])
    expect((await trial.rowsOf(tenant.id))['tenantry.audit_entries']).toBe(0)
  })
})

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
