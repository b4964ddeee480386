import { afterAll, beforeAll, expect, test } from 'vitest'
import { operator } from '../../testing.ts'
import { openProduct, type Product, sourced } from './service.fixture.ts'

// Of a month, whatever month it is: the rows of the product are of 2026.
const at = 'at: created_at'
const source = (fields: string) => `{ ${fields} }`

let product: Product
beforeAll(async () => {
  product = await openProduct()
})
afterAll(() => product.close())

const refusals = async (tokens: string) => {
  const { dependencies, callerAs } = product.installation
  const { catalogue } = dependencies.services
  dependencies.services.catalogue = sourced({ tokens: source(tokens) })
  try {
    return await callerAs(operator).usage.migrate({ dryRun: true, limit: 1 })
  } finally {
    dependencies.services.catalogue = catalogue
  }
}

const sum = `aggregate: sum, column: total_tokens, ${at}`

test.each([
  ['is not there', 'select 1', `table: chats, ${sum}`, 'There is no table tenantry.chats.'],
  [
    'does not force row-level security',
    'alter table tenantry.conversations no force row level security',
    `table: conversations, ${sum}`,
    'tenantry.conversations has no forced row-level security.',
  ],
  [
    'has row-level security switched off',
    'alter table tenantry.conversations disable row level security',
    `table: conversations, ${sum}`,
    'tenantry.conversations has no forced row-level security.',
  ],
  [
    'shows the application nothing, which would read as no usage',
    'drop policy tenant_isolation on tenantry.conversations',
    `table: conversations, ${sum}`,
    'tenantry.conversations has no policy that lets tenantry_app see the rows of its tenant.',
  ],
  [
    'is a view',
    'create view tenantry.seen as select * from tenantry.conversations',
    `table: seen, ${sum}`,
    'tenantry.seen is no table.',
  ],
  [
    'has no tenant',
    'alter table tenantry.conversations rename column tenant_id to owner_id',
    `table: conversations, ${sum}`,
    'tenantry.conversations: It has no column tenant_id.',
  ],
  [
    'has other columns, each of which is named',
    'select 1',
    'table: conversations, aggregate: sum, column: cost, at: title',
    'tenantry.conversations: It has no column cost. Its column title is text, not timestamp with time zone.',
  ],
  [
    'sums up a text',
    'select 1',
    `table: conversations, aggregate: sum, column: title, ${at}`,
    'tenantry.conversations: Its column title is text, not smallint, integer, bigint.',
  ],
  [
    'may not be read by the application',
    'revoke select on tenantry.conversations from tenantry_app',
    `table: conversations, ${sum}`,
    'tenantry.conversations: tenantry_app may not read its column tenant_id. tenantry_app may not read its column total_tokens. tenantry_app may not read its column created_at.',
  ],
])('a source that %s is refused with the reason, and its meter left alone', async (_why, breach, tokens, reason) => {
  const { admin, installation } = product
  const { slug } = await installation.createTenant()
  await admin.query(breach)
  try {
    const { refused, tenants } = await refusals(tokens)
    expect(refused).toEqual([{ meter: 'tokens', table: /table: (\w+)/.exec(tokens)?.[1], reason }])
    expect(tenants).toMatchObject([{ slug, outcome: 'unchanged' }])
    expect(tenants[0]?.meters.map(({ meter }) => meter)).not.toContain('tokens')
    expect(tenants[0]?.meters.length).toBeGreaterThan(5)
  } finally {
    await repair()
  }
})

const repair = async () => {
  const { rows } = await product.admin.query(
    `select attname from pg_attribute where attrelid = 'tenantry.conversations'::regclass and attname = 'owner_id'`,
  )
  await product.admin.query(`drop view if exists tenantry.seen;
    ${rows.length > 0 ? 'alter table tenantry.conversations rename column owner_id to tenant_id;' : ''}
    alter table tenantry.conversations enable row level security; alter table tenantry.conversations force row level security;
    drop policy if exists tenant_isolation on tenantry.conversations;
    create policy tenant_isolation on tenantry.conversations to tenantry_app
      using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()));
    grant select on tenantry.conversations to tenantry_app`)
}
