import type { Clock } from '@tenantry/kernel/context/clock'
import pg from 'pg'
import { fillTables, listTenantTables, type TenantTable } from '../../../test/isolation-rows.fixture.ts'
import { tenantTables } from '../../entities.ts'
import { openTestInstallation, operator, type TestInstallation, type TestTenant, type TestUser } from '../../testing.ts'
import { type PurgeBatch, purgeBatch } from './repository.ts'
import { type PurgeOutcome, purgeTenant } from './service/purge.ts'

export const day = 86_400_000

/** An installation whose clock goes as fast as the wall's, and stands as many days beside it as it is told to. */
export interface TimeTravel extends TestInstallation {
  travelTo(days: number): void
}

export async function openTimeTravel(): Promise<TimeTravel> {
  let offset = 0
  const clock: Clock = { now: () => new Date(Date.now() + offset) }
  const travelTo = (days: number) => {
    offset = days * day
  }
  return Object.assign(await openTestInstallation({ clock }), { travelTo })
}

/** The operators' caller. */
export const asOperator = (installation: TestInstallation) => installation.callerAs(operator)

/** What the tenant's log, and the platform's on that tenant, have of its lifecycle. */
export async function lifecycleLogs(installation: TestInstallation, tenantId: string) {
  const tenant = await installation.auditEntries(tenantId)
  const platform = await installation.platformAuditEntries()
  return {
    tenant: tenant.filter(({ action }) => action.startsWith('tenant.')),
    platform: platform.filter(
      ({ concernsTenantId, action }) => concernsTenantId === tenantId && action.startsWith('tenant.'),
    ),
  }
}

/** Tenants with rows in every table, and how they are deleted and purged. */
export interface PurgeTrial extends TimeTravel {
  admin: pg.Client
  tables: TenantTable[]
  /** The names of all tenant tables. */
  names: string[]
  createFullTenant(): Promise<TestTenant & { owner: TestUser }>
  /** Deleted as many days ago; the retention is 30. */
  removed(tenant: { id: string }, daysAgo?: number): Promise<void>
  purge(tenantId: string, rowsPerBatch?: number): Promise<PurgeOutcome>
  batch(tenantId: string, rows: number): Promise<PurgeBatch>
  /** How many rows of the tenant each tenant table has. */
  rowsOf(tenantId: string): Promise<Record<string, number>>
  rowOf(tenantId: string): Promise<Record<string, unknown>>
}

/** The unit of work of one batch. */
export const purgeUnit = (tenantId: string) => ({
  tenantId,
  actor: { type: 'system', name: 'tenants.purge' } as const,
  readOnly: false,
  asOperator: true,
})

export async function openPurgeTrial(): Promise<PurgeTrial> {
  const installation = await openTimeTravel()
  const { database, dependencies, testDatabase, travelTo } = installation
  const admin = new pg.Client(testDatabase.adminUrl)
  await admin.connect()
  const tables = await listTenantTables(admin)
  const names = tenantTables.map(({ meta }) => `${meta.schema}.${meta.tableName}`).sort()
  const { close } = installation
  return Object.assign(installation, {
    admin,
    tables,
    names,
    createFullTenant: async () => {
      const { tenant, user } = await installation.enter()
      await fillTables(admin, tables, { id: tenant.id, marker: 'mine' })
      return { ...tenant, owner: user }
    },
    removed: async ({ id: tenantId }: { id: string }, daysAgo = 31) => {
      travelTo(-daysAgo)
      await asOperator(installation).tenants.remove({ tenantId })
      travelTo(0)
    },
    purge: (tenantId: string, rowsPerBatch = 5_000) => purgeTenant(dependencies, tenantId, { rowsPerBatch }),
    batch: (tenantId: string, rows: number) => database.tenantUnit(purgeUnit(tenantId), (em) => purgeBatch(em, rows)),
    rowsOf: async (tenantId: string) => {
      const counts: Record<string, number> = {}
      for (const name of names) {
        const { rows } = await admin.query(`select count(*)::int as count from ${name} where tenant_id = $1`, [
          tenantId,
        ])
        counts[name] = rows[0].count
      }
      return counts
    },
    rowOf: async (tenantId: string) =>
      (await admin.query('select * from tenantry.tenants where id = $1', [tenantId])).rows[0],
    close: async () => {
      await admin.end()
      await close()
    },
  })
}
