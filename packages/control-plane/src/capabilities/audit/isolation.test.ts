import type { EntityManager } from '@mikro-orm/postgresql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { AuditEntry, PlatformAuditEntry } from './entity.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const application = { type: 'system', name: 'isolation' } as const

/** A tenant with one entry in its log. */
async function enterAudited() {
  const entered = await installation.enter()
  await entered.caller.tenants.update({ tenantId: entered.tenant.id, name: 'Acme Bakery' })
  return entered
}

test('a transaction of one tenant finds nothing of the log of another, by its own predicate or without one', async () => {
  const { tenant: victim } = await enterAudited()
  const { tenant } = await enterAudited()
  const found = await installation.database.tenantUnit(
    { tenantId: tenant.id, actor: application, readOnly: true },
    async (em) => ({
      own: await em.count(AuditEntry),
      named: await em.count(AuditEntry, { tenantId: victim.id }),
      unfiltered: await em.find(AuditEntry, {}, { filters: false }),
    }),
  )
  expect(found).toMatchObject({ own: 1, named: 0, unfiltered: [{ tenantId: tenant.id }] })
})

const tampering: [string, (em: EntityManager) => Promise<unknown>][] = [
  ['change', (em) => em.execute("update tenantry.audit_entries set action = 'nothing.happened'")],
  ['remove', (em) => em.execute('delete from tenantry.audit_entries')],
  ['empty', (em) => em.execute('truncate tenantry.audit_entries')],
]
test.each(tampering)('nobody may %s an entry, neither the application nor the platform', async (_, tamper) => {
  const { tenant } = await enterAudited()
  for (const actor of [application, operator]) {
    const attempt = installation.database.tenantUnit({ tenantId: tenant.id, actor, readOnly: false }, tamper)
    await expect(attempt).rejects.toThrow(/permission denied/)
  }
  expect(await installation.auditEntries(tenant.id)).toMatchObject([{ action: 'tenant.updated' }])
})

test('an entry cannot be planted in the log of another tenant', async () => {
  const { tenant: victim } = await enterAudited()
  const { tenant } = await enterAudited()
  const copy = /* sql */ `insert into tenantry.audit_entries (tenant_id, id, at, action, outcome, actor_type, request_id)
    select ?::uuid, gen_random_uuid(), at, action, outcome, actor_type, request_id from tenantry.audit_entries`
  for (const actor of [application, operator]) {
    const attempt = installation.database.tenantUnit({ tenantId: tenant.id, actor, readOnly: false }, (em) =>
      em.execute(copy, [victim.id]),
    )
    await expect(attempt).rejects.toThrow(/row-level security/)
  }
  expect(await installation.auditEntries(victim.id)).toHaveLength(1)
})

test('the log of the platform is closed to the application', async () => {
  const { tenant } = await enterAudited()
  const attempt = installation.database.tenantUnit({ tenantId: tenant.id, actor: application, readOnly: true }, (em) =>
    em.find(PlatformAuditEntry, {}),
  )
  await expect(attempt).rejects.toThrow(/permission denied/)
})
