import { randomUUID } from 'node:crypto'
import { startJobs } from '@tenantry/kernel/jobs/jobs'
import { loginRoles } from '@tenantry/kernel/tenancy/roles'
import pg, { type Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scheduledJobs } from '../src/jobs.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Attack, type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import { nothing, refused } from './isolation-campaign.fixture.ts'

let installation: TestInstallation
let campaign: Campaign

beforeAll(async () => {
  installation = await openTestInstallation()
  campaign = await openCampaign(installation)
})

afterAll(async () => {
  await campaign[Symbol.asyncDispose]()
  await installation.close()
})

test('no login role is a superuser, bypasses row-level security, makes roles, or serves as another', async () => {
  const { rows } = await campaign.admin.query(
    `select rolname as role, rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolinherit as mighty,
            array(select roleid::regrole::text from pg_auth_members where member = r.oid order by 1) as "memberOf"
       from pg_roles r where rolname = any ($1) order by 1`,
    [loginRoles],
  )
  expect(rows).toEqual([
    { role: 'tenantry_app', mighty: false, memberOf: [] },
    { role: 'tenantry_jobs', mighty: false, memberOf: [] },
    {
      role: 'tenantry_owner',
      mighty: false,
      memberOf: ['tenantry_directory', 'tenantry_hierarchy', 'tenantry_lifecycle', 'tenantry_metering'],
    },
    { role: 'tenantry_platform', mighty: false, memberOf: [] },
  ])
})

test('every table of tenants is under forced row-level security, its partitions too', async () => {
  const { rows } = await campaign.admin.query(
    `select c.oid::regclass::text as name from pg_class c
      where c.oid::regclass::text = any ($1) and not (relrowsecurity and relforcerowsecurity)`,
    [campaign.tables.filter(({ kind }) => kind !== 'view').map(({ name }) => name)],
  )
  expect(rows).toEqual([])
  expect(campaign.tables.length).toBeGreaterThan(8)
})

test('the owner of the tables sees no tenant’s row', async () => {
  const owner = await campaign.connect('tenantry_owner')
  for (const { name } of campaign.tables) {
    expect((await owner.query(`select * from ${name}`)).rows, name).toEqual([])
    expect((await owner.query(`delete from ${name}`)).rowCount, name).toBe(0)
  }
})

async function asOperator(client: Client, work: () => Promise<unknown>, tenant = ''): Promise<void> {
  await client.query('begin')
  await client.query(
    `select set_config('tenancy.platform_context', $1, true), set_config('tenancy.tenant_context', $2, true)`,
    [campaign.sign('platform', 'platformAdmin:test'), tenant],
  )
  await work()
  await client.query('rollback')
}

test('an operator reads every tenant under a signed context, and none without', async () => {
  const client = await campaign.connect('tenantry_platform')
  const count = async () => (await client.query('select count(*)::int as count from tenantry.tenants')).rows[0].count
  await asOperator(client, async () => expect(await count()).toBe(2))
  expect(await count()).toBe(0)
  expect((await client.query('select * from tenantry.users')).rows).toEqual([])
  expect((await client.query('select * from tenantry.platform_audit_entries')).rows).toEqual([])
})

test('an operator writes to one tenant under that tenant’s signed context, and to no other', async ({ annotate }) => {
  const { attacker, victim, sign, tables, attempt } = campaign
  const client = await campaign.connect('tenantry_platform')
  const entry = `(tenant_id, id, at, action, outcome, actor_type, request_id) values ('${victim.id}', gen_random_uuid(), now(), 'a', 'success', 'user', 'r')`
  const operator = `do $$ begin perform set_config('tenancy.platform_context', '${sign('platform', 'platformAdmin:test')}', true); end $$`
  const writes: Attack[] = [
    ...tables.flatMap(({ name, tenantColumn }) => [
      nothing(`update ${name} set ${tenantColumn} = ${tenantColumn} where ${tenantColumn} = '${victim.id}'`),
      nothing(`delete from ${name} where ${tenantColumn} = '${victim.id}'`),
      refused(`truncate ${name} cascade`),
    ]),
    refused(`insert into tenantry.audit_entries ${entry}`),
    refused(`insert into tenantry.platform_audit_entries ${entry.replace('tenant_id', 'concerns_tenant_id')}`),
    refused(
      `insert into tenantry.memberships (tenant_id, id, user_id, role, joined_at) values ('${victim.id}', gen_random_uuid(), '${attacker.user.id}', 'owner', now())`,
    ),
    refused(
      `insert into tenantry.tenant_settings (tenant_id, document, updated_at) values ('${victim.id}', '{}', now()) on conflict do nothing`,
    ),
    nothing(`update tenantry.tenants set status = 'suspended' where id = '${victim.id}'`),
    refused('select * from pgboss.job'),
    refused('select * from tenancy.signing_keys'),
    refused('set role tenantry_owner'),
  ]
  const through: string[] = []
  for (const write of writes) {
    const asTenant = await attempt(client, write, { tenant: sign('tenant', attacker.id) })
    if (asTenant) through.push(asTenant)
    if (write.statements[0]?.includes('platform_audit_entries')) continue
    const asOperatorOnly = await attempt(client, { ...write, statements: [operator, ...write.statements] }, {})
    if (asOperatorOnly) through.push(`as operator: ${asOperatorOnly}`)
  }
  await annotate(`${writes.length} writes, ${through.length} got through`)
  expect(through).toEqual([])
  await asOperator(
    client,
    async () => {
      const { rowCount } = await client.query(`update tenantry.tenants set status = 'suspended'`)
      expect(rowCount).toBe(1)
    },
    sign('tenant', victim.id),
  )
})

test('no role changes or removes what an audit log holds', async () => {
  const { sign, victim } = campaign
  for (const role of ['tenantry_app', 'tenantry_platform', 'tenantry_jobs'] as const) {
    const client = await campaign.connect(role)
    await client.query(`select set_config('tenancy.tenant_context', $1, false)`, [sign('tenant', victim.id)])
    for (const table of ['audit_entries', 'platform_audit_entries', 'settings_revisions']) {
      const key = table === 'settings_revisions' ? 'created_at' : 'at'
      for (const statement of [
        `update tenantry.${table} set ${key} = now()`,
        `delete from tenantry.${table}`,
        `truncate tenantry.${table}`,
      ]) {
        await expect(client.query(statement), `${role}: ${statement}`).rejects.toMatchObject({ code: '42501' })
      }
    }
  }
})

async function storeIdempotencyRecord(tenantId: string, ageHours: number): Promise<void> {
  await campaign.admin.query(
    `insert into tenantry.idempotency_records (tenant_id, principal, operation, key, request_hash, response, created_at)
     values ($1, 'user:x', 'fixture', $2, 'hash', 'sealed', now() - make_interval(secs => $3 * 3600.0))`,
    [tenantId, randomUUID(), ageHours],
  )
}

test('the job role sees expired idempotency records of all tenants and nothing else, and the job removes those', async () => {
  const { admin, attacker, victim, tables } = campaign
  await admin.query('delete from tenantry.idempotency_records')
  for (const { id } of [attacker, victim])
    for (const age of [0, 23.9, 24.1, 1000]) await storeIdempotencyRecord(id, age)

  const jobs = await campaign.connect('tenantry_jobs')
  expect((await jobs.query('select * from tenantry.idempotency_records')).rowCount).toBe(4)
  const ending = ['api_keys', 'mails', 'onboardings', 'invitations', 'usage_reservations', 'runs']
  const expiring = ['idempotency_records', 'events', ...ending]
  for (const { name } of tables.filter((table) => !expiring.includes(table.name.split('.')[1] ?? ''))) {
    await expect(jobs.query(`select * from ${name}`), name).rejects.toMatchObject({ code: '42501' })
    await expect(jobs.query(`delete from ${name}`), name).rejects.toMatchObject({ code: '42501' })
  }
  // Of these it sees what is long revoked, sent, done or run out.
  for (const name of ending) expect((await jobs.query(`select * from tenantry.${name}`)).rowCount, name).toBe(0)
  await expect(jobs.query('update tenantry.idempotency_records set response = null')).rejects.toMatchObject({
    code: '42501',
  })

  const expire = scheduledJobs(installation.dependencies).find(({ name }) => name === 'idempotency.expire')
  const query = async (sql: string) => (await jobs.query(sql)).rowCount ?? 0
  expect(await expire?.run(query)).toEqual({ removed: 4 })
  const { rows } = await admin.query(
    'select tenant_id as id, count(*)::int as count from tenantry.idempotency_records group by 1 order by 1',
  )
  expect(rows).toEqual([attacker.id, victim.id].sort().map((id) => ({ id, count: 2 })))
  expect(await expire?.run(query)).toEqual({ removed: 0 })
})

test('the job role sees events of all tenants that are kept no longer, and the job removes those', async () => {
  const { admin, attacker, victim } = campaign
  await admin.query('delete from tenantry.events')
  for (const { id } of [attacker, victim]) {
    await admin.query(
      `insert into tenantry.events (tenant_id, position, type, data, occurred_at)
       select $1, hours, 'tenant.updated', '{}', now() - make_interval(hours => hours)
         from unnest(array[0, 168, 170, 1000]) as hours`,
      [id],
    )
  }
  const jobs = await campaign.connect('tenantry_jobs')
  expect((await jobs.query('select * from tenantry.events')).rowCount).toBe(4)
  await expect(jobs.query("update tenantry.events set type = 'x'")).rejects.toMatchObject({ code: '42501' })
  const expire = scheduledJobs(installation.dependencies).find(({ name }) => name === 'events.expire')
  expect(await expire?.run(async (sql) => (await jobs.query(sql)).rowCount ?? 0)).toEqual({ removed: 4 })
  const { rows } = await admin.query('select distinct position::int as hours from tenantry.events order by 1')
  expect(rows).toEqual([{ hours: 0 }, { hours: 168 }])
})

test('the tables of the job queue are under forced row-level security for the job role alone, in use as well', async () => {
  const { testDatabase, dependencies } = installation
  const jobs = await startJobs({
    jobsUrl: testDatabase.urls.tenantry_jobs,
    logger: dependencies.logger,
    jobs: scheduledJobs(dependencies),
  })
  await jobs.stop()
  const { rows } = await campaign.admin.query(
    `select c.oid::regclass::text as name, relrowsecurity and relforcerowsecurity as forced,
            array(select polroles::regrole[]::text from pg_policy where polrelid = c.oid) as policies
       from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = 'pgboss' and relkind in ('r', 'p')`,
  )
  expect(rows.length).toBeGreaterThan(3)
  expect(rows.filter(({ forced, policies }) => !forced || String(policies) !== '{tenantry_jobs}')).toEqual([])
  for (const role of ['tenantry_app', 'tenantry_platform', 'tenantry_owner'] as const) {
    const client = await campaign.connect(role)
    for (const { name } of rows) {
      await expect(client.query(`select * from ${name}`), `${role}: ${name}`).rejects.toBeInstanceOf(pg.DatabaseError)
    }
  }
})
