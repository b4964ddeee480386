import { createHash } from 'node:crypto'
import { signContext } from '@tenantry/kernel/tenancy/signed-context'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { operator } from '../../testing.ts'
import { openProduct, type Product, sourced } from './service.fixture.ts'

let product: Product
beforeAll(async () => {
  product = await openProduct({ catalogue: sourced({ conversations: '{ table: conversations, aggregate: count }' }) })
})
afterAll(() => product.close())

const conversationsOf = async (tenantId: string) => {
  const { usage } = product.installation.callerAs(operator)
  const { tenants } = await usage.migrate({ tenantIds: [tenantId], dryRun: true })
  return tenants[0]?.meters.find(({ meter }) => meter === 'conversations')?.after
}

const isolation = 'tenant_id = (select tenancy.current_tenant())'

test.each([
  ['by row-level security and by the query', 'select 1'],
  [
    'by the query, where the policy of the product lets everything through',
    'alter policy tenant_isolation on tenantry.conversations using (true)',
  ],
])('rows of another tenant are never counted: %s', async (_how, breach) => {
  const { installation, converse, admin } = product
  const [own, other, child] = [
    await installation.createTenant(),
    await installation.createTenant(),
    await installation.createTenant(),
  ]
  await converse(own.id, [1, 2])
  await converse(other.id, [3, 4, 5])
  await admin.query(breach)
  try {
    expect(await conversationsOf(own.id)).toBe(2)
    expect(await conversationsOf(other.id)).toBe(3)
    expect(await conversationsOf(child.id)).toBe(0)
  } finally {
    await admin.query(`alter policy tenant_isolation on tenantry.conversations using (${isolation})`)
  }
})

test('a table is read as the application in the tenant that is compared, also for an operator', async () => {
  const { installation, converse, admin } = product
  const tenant = await installation.createTenant()
  await converse(tenant.id, [1])
  await admin.query(`create policy witness on tenantry.conversations as restrictive for select to public
    using (current_user = 'tenantry_app' and current_setting('tenancy.platform_context') = '' and current_setting('transaction_read_only') = 'on')`)
  try {
    expect(await conversationsOf(tenant.id)).toBe(1)
  } finally {
    await admin.query('drop policy witness on tenantry.conversations')
  }
})

test.each(['viewer', 'member', 'admin', 'owner'] as const)(
  'a tenant’s %s may not migrate, not even its own',
  async (role) => {
    const { caller, tenant } = await product.installation.enter({ role })
    await expect(caller.usage.migrate({ tenantIds: [tenant.id] })).rejects.toMatchObject({
      code: 'auth.permission_denied',
    })
  },
)

test('neither may a key that may do everything in its tenant', async () => {
  const { caller, tenant } = await product.installation.enter()
  const { key } = await caller.apiKeys.create({
    tenantId: tenant.id,
    name: 'All',
    scopes: ['usage:read', 'usage:write'],
  })
  const { actor } = await product.installation.dependencies.apiKeys.verify(key, { address: null, userAgent: null })
  const asKey = product.installation.callerAs(actor, tenant.id)
  await expect(asKey.usage.migrate({ tenantIds: [tenant.id] })).rejects.toMatchObject({
    code: 'auth.permission_denied',
  })
})

test('a counter is recounted under a signature of exactly that, whatever context is bound', async () => {
  const { admin, installation } = product
  const { tenant, caller } = await installation.enter()
  const other = await installation.createTenant()
  await caller.usage.track({ tenantId: 'current', metric: 'bandwidth', amount: 30 })
  await admin.query('update tenantry.usage_counters set used = 7 where tenant_id = $1', [tenant.id])
  const { urls, signingKey } = installation.testDatabase
  const client = new pg.Client(urls.tenantry_app)
  await client.connect()
  onTestFinished(() => client.end())
  const at = new Date()
  const [{ period } = { period: '' }] = (
    await admin.query('select period from tenantry.usage_counters where tenant_id = $1', [tenant.id])
  ).rows
  const valuesOf = (tenantId: string) => [
    at.toISOString(),
    '1',
    tenantId,
    'bandwidth',
    period,
    period,
    `${period}T00:00:00Z`,
  ]
  const signed = (values: readonly string[]) =>
    signContext(signingKey, 'batch', createHash('sha256').update(values.join('\x1f')).digest('hex'))
  const recount = async (signature: string, values: readonly (string | null)[]) =>
    (await client.query('select * from metering.recount($1, true, $2, $3, $4, $5, $6, $7, $8)', [signature, ...values]))
      .rows
  const values = valuesOf(tenant.id)
  for (const signature of [
    '',
    signContext(signingKey, 'tenant', tenant.id),
    signed(valuesOf(other.id)),
    signed([...values, '']),
  ])
    await expect(recount(signature, values)).rejects.toMatchObject({ code: '42501' })
  for (const [place] of values.entries()) {
    const missing = values.map((value, index) => (index === place ? null : value))
    const signature = signed(missing.filter((value) => value !== null))
    await expect(recount(signature, missing)).rejects.toMatchObject({ code: '22023' })
  }
  expect(await recount(signed(values), values)).toMatchObject([{ outcome: 1, drift: '23', used: '30' }])
})
