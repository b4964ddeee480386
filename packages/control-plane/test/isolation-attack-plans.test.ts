import { type Client, escapeLiteral } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import { unusedValue } from './isolation-keys.fixture.ts'
import type { Column, TenantTable } from './isolation-rows.fixture.ts'

let installation: TestInstallation
let campaign: Campaign
let client: Client
/** Has no rows but its own in `tenants` and `usage_accounts`, so that whatever matches is another's. */
let asker: string

beforeAll(async () => {
  installation = await openTestInstallation()
  campaign = await openCampaign(installation)
  client = await campaign.connect()
  asker = (await installation.createTenant({ slug: 'asker', timezone: 'Asia/Tokyo', plan: 'free' })).id
  await campaign.admin.query('update tenantry.tenants set version = 7 where id = $1', [asker])
  await campaign.admin.query(
    'update tenantry.usage_accounts set changes = 7, resolved_changes = 7, catalogue_revision = 7 where tenant_id = $1',
    [asker],
  )
})

afterAll(async () => {
  await campaign[Symbol.asyncDispose]()
  await installation.close()
})

const ways = ['enable_seqscan = on', 'enable_seqscan = off']
const shown = 'analyze, costs off, timing off, summary off, buffers off'

const literal = (value: unknown) => escapeLiteral(value instanceof Date ? value.toISOString() : String(value))

/** The lines of the plan, without the value that was asked for. */
async function plan({ name }: TenantTable, column: string, value: unknown, way: string): Promise<string> {
  await client.query('begin')
  try {
    await client.query(`select set_config('tenancy.tenant_context', $1, true)`, [campaign.sign('tenant', asker)])
    await client.query(`set local ${way}`)
    const { rows } = await client.query(`explain (${shown}) select 1 from ${name} where ${column} = ${literal(value)}`)
    const lines = rows
      .map((row) => row['QUERY PLAN'])
      .filter((line) => !/^\s*(Index Cond|Filter|Recheck Cond):/.test(line))
    return lines.join('\n')
  } finally {
    await client.query('rollback')
  }
}

async function readableColumns({ name, columns }: TenantTable): Promise<Column[]> {
  const { rows } = await campaign.admin.query(
    `select a.attname::text as name from pg_attribute a
      where a.attrelid = $1::regclass and a.attnum > 0 and has_column_privilege('tenantry_app', a.attrelid, a.attnum, 'select')`,
    [name],
  )
  return columns.filter((column) => rows.some((row) => row.name === column.name))
}

/** Where the plan for a value of the victim differs from that for a value that nobody has. */
async function tellingColumns(table: TenantTable): Promise<{ asked: number; telling: string[] }> {
  const { rows } = await campaign.admin.query(`select * from ${table.name} where ${table.tenantColumn} = $1 limit 1`, [
    campaign.victim.id,
  ])
  const telling = new Set<string>()
  let asked = 0
  for (const column of await readableColumns(table)) {
    const value = rows[0]?.[column.name]
    const unused = unusedValue(column, value)
    if (value === null || unused === value) continue
    for (const way of ways) {
      asked++
      if ((await plan(table, column.name, value, way)) !== (await plan(table, column.name, unused, way)))
        telling.add(`${table.name}.${column.name}`)
    }
  }
  return { asked, telling: [...telling] }
}

/** Columns that an index begins with, other than the tenant's. */
async function leadingColumns(): Promise<string[]> {
  const { rows } = await campaign.admin.query(
    `select distinct i.indrelid::regclass || '.' || a.attname as name from pg_index i
       join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      where i.indrelid::regclass::text = any ($1) and a.attname <> 'tenant_id' and has_column_privilege('tenantry_app', a.attrelid, a.attnum, 'select')
      order by 1`,
    [campaign.tables.map(({ name }) => name)],
  )
  return rows.map(({ name }) => name)
}

/** What can be counted over all tenants by value, with `explain analyze`. A new one is a decision: docs/tenancy.md. */
const counted = [
  'tenantry.api_keys.created_by_id',
  'tenantry.api_keys.id',
  'tenantry.audit_entries.actor_id',
  'tenantry.audit_entries.target_id',
  'tenantry.events.occurred_at',
  'tenantry.idempotency_records.created_at',
  'tenantry.invitations.accepted_by',
  'tenantry.invitations.email',
  'tenantry.invitations.expires_at',
  'tenantry.invitations.invited_by_id',
  'tenantry.limit_requests.id',
  'tenantry.limit_requests.requested_by_id',
  'tenantry.limit_requests.state',
  'tenantry.mails.recipient',
  'tenantry.mails.sent_at',
  'tenantry.memberships.user_id',
  'tenantry.role_assignments.user_id',
  'tenantry.runs.expires_at',
  'tenantry.scheduled_plan_changes.effective_at',
  'tenantry.tenants.contact_email_key',
  'tenantry.tenants.delete_after',
  'tenantry.tenants.external_id',
  'tenantry.tenants.external_id_key',
  'tenantry.tenants.id',
  'tenantry.tenants.name_key',
  'tenantry.tenants.parent_id',
  'tenantry.tenants.path',
  'tenantry.tenants.plan',
  'tenantry.tenants.slug',
  'tenantry.tenants.slug_key',
  'tenantry.tenants.status',
  'tenantry.tenants.status_until',
  'tenantry.usage_alerts.raised_at',
  'tenantry.usage_reservations.reserved_at',
]

/** Says which partition is looked into, whatever is there. */
const partitionKey = 'tenantry.usage_events.received_on'

test('explain analyze counts rows of other tenants by no value but a tenant’s id or what an index begins with', async ({
  annotate,
}) => {
  let attempts = 0
  const found: string[] = []
  for (const table of campaign.tables.filter(({ kind }) => kind === 'table')) {
    const { asked, telling } = await tellingColumns(table)
    attempts += asked
    found.push(...telling)
  }
  const others = found.filter((column) => !column.endsWith('.tenant_id') && column !== partitionKey)
  await annotate(
    `${attempts} attempts; besides rows by tenant, ${others.length} values were counted: ${others.join(', ')}`,
  )
  const leading = await leadingColumns()
  expect(others.filter((column) => !leading.includes(column))).toEqual([])
  expect(leading).toEqual(counted)
  expect(attempts).toBeGreaterThan(100)
}, 60_000)

test('explain tells no value of another tenant’s row', async () => {
  const { attempt, sign, tables } = campaign
  for (const { name, kind, readable } of tables.filter(({ kind }) => kind === 'table')) {
    for (const options of ['analyze, verbose', 'analyze, format json', 'verbose, settings']) {
      const statements = [`explain (${options}) select ${readable ?? '*'} from ${name}`]
      const how = await attempt(
        client,
        { name: `${kind} ${name}`, statements, outcome: 'nothing' },
        { tenant: sign('tenant', asker) },
      )
      expect(how).toBeNull()
    }
  }
})
