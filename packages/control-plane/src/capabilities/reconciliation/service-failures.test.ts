import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { operator } from '../../testing.ts'
import { parseCatalogue } from '../plan/rules/catalogue.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'
import { correct } from './service/correct.ts'
import { openProduct, type Product, productSources, sourcedText } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
const current = { tenantId: 'current' }
const total = '{ table: conversations, aggregate: sum, column: total_tokens }'

/** With a counter that has a source, fails open, and counts since the tenant began. */
const catalogue = parseCatalogue(
  sourcedText({ ...productSources, bandwidth: total }).replace(
    /(\n {2}bandwidth:\n.*\n {4}kind: counter\n {4}period: )month/,
    '$1total\n    failMode: open',
  ),
  'plans.yaml',
)

let product: Product
beforeAll(async () => {
  product = await openProduct({ clock, catalogue })
})
afterAll(() => product.close())

const migrate = async (tenantId: string) => {
  const { tenants } = await product.installation.callerAs(operator).usage.migrate({ tenantIds: [tenantId] })
  return tenants[0] ?? expect.fail('It was not looked at')
}

test('what fails for one meter is told of it, and its others are corrected, shown and written down', async () => {
  const { installation, converse } = product
  const { tenant, caller } = await installation.enter()
  await converse(tenant.id, [-5])
  await caller.usage.track({ ...current, metric: 'pipeline_runs', amount: 3 })
  await product.admin.query(
    `update tenantry.usage_counters set used = 1 where tenant_id = $1 and meter = 'pipeline_runs'`,
    [tenant.id],
  )
  const { outcome, errors, meters } = await migrate(tenant.id)
  expect(outcome).toBe('failed')
  expect(errors).toEqual(
    ['tokens', 'bandwidth'].map((meter) => ({
      meter,
      code: 'usage_source.uncountable',
      message: `${meter} cannot stand at -5, as conversations would have it.`,
    })),
  )
  expect(meters.filter(({ drift }) => drift !== 0)).toMatchObject([
    { meter: 'conversations', before: 0, after: 1 },
    { meter: 'pipeline_runs', before: 1, after: 3 },
  ])
  const shown = (await caller.tenants.usage()).meters.find(({ meter }) => meter === 'pipeline_runs')
  expect(shown?.used).toBe(3)
  const entries = await installation.auditEntries(tenant.id)
  expect(entries.at(-1)).toMatchObject({
    action: 'usage.migrated',
    changes: { conversations: { before: 0, after: 1 }, pipeline_runs: { before: 1, after: 3 } },
  })
})

test('a table that answers too late keeps no other meter from being compared', async () => {
  const { installation, converse, admin } = product
  const { tenant, caller } = await installation.enter()
  await converse(tenant.id, [5])
  await caller.usage.track({ ...current, metric: 'pipeline_runs', amount: 3 })
  await admin.query(`update tenantry.usage_counters set used = 1 where tenant_id = $1 and meter = 'pipeline_runs'`, [
    tenant.id,
  ])
  await admin.query(`create function tenantry.slow() returns boolean language plpgsql stable as $$
    begin raise query_canceled; end $$`)
  await admin.query('alter policy tenant_isolation on tenantry.conversations using (tenantry.slow())')
  try {
    const { errors, meters } = await migrate(tenant.id)
    expect(errors.map(({ meter, code }) => [meter, code])).toEqual([
      ['conversations', 'service.overloaded'],
      ['tokens', 'service.overloaded'],
      ['bandwidth', 'service.overloaded'],
    ])
    expect(meters).toContainEqual(expect.objectContaining({ meter: 'pipeline_runs', before: 1, after: 3 }))
  } finally {
    await admin.query(`alter policy tenant_isolation on tenantry.conversations
      using (tenant_id = (select tenancy.current_tenant()))`)
    await admin.query('drop function tenantry.slow()')
  }
})

test('what no second try would change is told by its own name', async () => {
  const { installation, converse, admin } = product
  const { id } = await installation.createTenant()
  await converse(id, [5])
  await migrate(id)
  await converse(id, [5])
  await admin.query('delete from tenantry.usage_accounts where tenant_id = $1', [id])
  const { errors } = await migrate(id)
  expect(errors.map(({ meter, code }) => [meter, code])).toEqual([
    ['conversations', 'tenant.not_found'],
    ['tokens', 'tenant.not_found'],
    ['bandwidth', 'tenant.not_found'],
  ])
})

test('a correction that cannot be counted now is refused, of a meter too that is let through meanwhile, and not counted later', async () => {
  const { installation, converse, admin } = product
  const { id } = await installation.createTenant()
  // Its events are no longer all there, so that only its source tells.
  await admin.query(`update tenantry.tenants set created_at = '2025-01-01' where id = $1`, [id])
  await converse(id, [5])
  const { services } = installation.dependencies
  await services.metering.refresh([id])
  const access = (await services.decisions.findAccess(operator, id)) ?? expect.fail('There is no such tenant')
  const meter = services.catalogue.meters.bandwidth ?? expect.fail('There is no such meter')
  const ctx = { clock, services, tenant: access.tenant, read: services.usageSources.reading(id) }
  await admin.query('begin')
  onTestFinished(() => admin.query('rollback').then(() => undefined))
  await admin.query('select from tenantry.usage_accounts where tenant_id = $1 for update', [id])
  await expect(correct(ctx, meter)).rejects.toMatchObject({ code: 'service.overloaded' })
  expect(services.metering.deferred).toBe(0)
  await admin.query('rollback')
  expect((await usageRows(installation, id)).events).toEqual([])
  expect(await correct(ctx, meter)).toMatchObject({ used: 0, counted: 5 })
})
