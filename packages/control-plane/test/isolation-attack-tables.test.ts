import { escapeLiteral } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Attack, type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import { makeRow, type TenantTable } from './isolation-rows.fixture.ts'

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

const literal = (value: unknown) =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? `'{}'`
      : escapeLiteral(value instanceof Date ? value.toISOString() : String(value))

const columnsOf = (row: Record<string, unknown>) => Object.keys(row).join(', ')
const valuesOf = (row: Record<string, unknown>) => Object.values(row).map(literal).join(', ')

function reads(table: TenantTable, foreign: string): Attack[] {
  const { name, readable } = table
  const all = `select ${readable ?? '*'} from ${name}`
  const nothing = (title: string, ...statements: string[]): Attack => ({ name: title, statements, outcome: 'nothing' })
  return [
    nothing('select by tenant', `${all} where ${foreign}`),
    nothing('select without a predicate', all),
    nothing('select with a predicate that is always true', `${all} where ${foreign} or true`),
    nothing('select as json', `select to_jsonb(x) from (${all}) x where ${foreign}`),
    // A row that was changed stands in another place.
    nothing('select by place', `${all} where ctid between '(0,1)' and '(0,20)'`),
    nothing('select a sample', `${all} tablesample system (100)`),
    nothing('select through an outer join', `select x.* from (values (1)) v left join (${all}) x on ${foreign}`),
    nothing('select for update', `${all} where ${foreign} for update`),
    nothing(
      'select in a prepared statement',
      'deallocate all',
      `prepare stolen as ${all} where ${foreign}`,
      'execute stolen',
    ),
    nothing('select through a cursor', `declare stolen cursor for ${all}`, 'fetch all from stolen'),
    nothing(
      'an expression that fails on a foreign row',
      `select count(*) from ${name} where 1 / (case when ${foreign} then 0 else 1 end) = 1`,
    ),
    nothing(
      'a cast that tells the foreign row in its error',
      `select count(*) from ${name} x where case when ${foreign} then x::text::int else 1 end = 1`,
    ),
    nothing('query_to_xml', `select query_to_xml(${literal(all)}, true, false, '')`),
    nothing('copy to stdout', `copy (${all}) to stdout`),
    nothing('a savepoint that was rolled back', 'savepoint a', all, 'rollback to a', all),
    nothing('row_security off', 'set local row_security = off', `${all} where ${foreign}`),
    { name: 'copy to a program', statements: [`copy ${name} to program 'cat'`], outcome: 'refused' },
    { name: 'copy to a file', statements: [`copy ${name} to '/tmp/stolen'`], outcome: 'refused' },
    nothing('statistics', `select * from pg_stats where schemaname || '.' || tablename = '${name}'`),
  ]
}

function writes(table: TenantTable, foreign: string, own: string): Attack[] {
  const { name, tenantColumn, columns } = table
  const row = makeRow(table, campaign.victim)
  const some = columns.find((column) => column.name !== tenantColumn)?.name ?? tenantColumn
  const others = columns.map((column) => column.name).filter((column) => column !== tenantColumn)
  const victim = literal(campaign.victim.id)
  const nothing = (title: string, ...statements: string[]): Attack => ({ name: title, statements, outcome: 'nothing' })
  const refused = (title: string, ...statements: string[]): Attack => ({ name: title, statements, outcome: 'refused' })
  const insert = `insert into ${name} (${columnsOf(row)}) values (${valuesOf(row)})`
  const again = `insert into ${name} (${tenantColumn}, ${others}) select ${tenantColumn}, ${others} from ${name} where ${foreign}`
  return [
    refused('insert', insert),
    refused('insert returning', `${insert} returning *`),
    { ...refused('insert on conflict do nothing', `${insert} on conflict do nothing`), control: [insert] },
    nothing(
      'insert a copy of own rows',
      `insert into ${name} (${tenantColumn}, ${others}) select ${victim}, ${others} from ${name}`,
    ),
    { ...nothing('insert the victim’s rows again', `${again} on conflict do nothing`), control: [again] },
    nothing(
      'upsert of a row that is not there',
      `with stolen as (${insert} on conflict (${primaryKeyOf(table)}) do update set ${some} = excluded.${some} returning *) select * from stolen`,
    ),
    nothing('update', `update ${name} set ${some} = ${some} where ${foreign}`),
    nothing('update returning', `update ${name} set ${some} = ${some} where ${foreign} returning *`),
    nothing('update without a predicate', `update ${name} set ${some} = ${some}`),
    nothing('take the victim’s rows', `update ${name} set ${tenantColumn} = ${own} where ${foreign}`),
    nothing('give own rows to the victim', `update ${name} set ${tenantColumn} = ${victim}`),
    nothing('delete', `delete from ${name} where ${foreign}`),
    nothing('delete returning', `delete from ${name} where ${foreign} returning *`),
    nothing(
      'merge, update',
      `merge into ${name} using (select 1) on ${foreign} when matched then update set ${some} = ${some}`,
    ),
    nothing('merge, delete', `merge into ${name} using (select 1) on ${foreign} when matched then delete`),
    refused(
      'merge, insert',
      `merge into ${name} using (select 1) on false when not matched then insert (${columnsOf(row)}) values (${valuesOf(row)})`,
    ),
    nothing('delete in a block', `do $$ begin delete from ${name} where ${foreign}; end $$`),
    refused('truncate', `truncate ${name} cascade`),
    refused('copy from a program', `copy ${name} from program 'echo'`),
    refused('copy from a file', `copy ${name} from '/etc/hostname'`),
    refused('lock', `lock table ${name} in access exclusive mode`),
    refused('lock against readers', `lock table ${name} in share mode`),
  ]
}

function ownership({ name, kind }: TenantTable): Attack[] {
  return [
    `alter table ${name} disable row level security`,
    `alter table ${name} no force row level security`,
    `alter table ${name} owner to current_user`,
    `alter table ${name} disable trigger all`,
    `alter table ${name} add column stolen text`,
    `alter table ${name} rename to stolen`,
    // A partition has none: it is reached through its table only.
    ...(kind === 'partition'
      ? []
      : [`drop policy ${policyOf(name)} on ${name}`, `alter policy ${policyOf(name)} on ${name} to public`]),
    `create policy stolen on ${name} using (true)`,
    `create index on ${name} ((1))`,
    `create rule stolen as on select to ${name} do instead select 1`,
    `create trigger stolen before insert on ${name} for each row execute function suppress_redundant_updates_trigger()`,
    `create statistics tenantry.stolen on (1), (2) from ${name}`,
    `create table tenantry.stolen () inherits (${name})`,
    `create view tenantry.stolen as select * from ${name}`,
    `comment on table ${name} is 'stolen'`,
    `drop table ${name} cascade`,
  ].map((statement) => ({ name: statement, statements: [statement], outcome: 'refused' }))
}

const primaryKeys = new Map<string, string>()
const primaryKeyOf = ({ name }: TenantTable) => primaryKeys.get(name) ?? ''
const policies = new Map<string, string>()
const policyOf = (name: string) => policies.get(name) ?? 'tenant_isolation'

async function readCatalogue({ admin }: Campaign): Promise<void> {
  const keys = await admin.query(
    `select i.indrelid::regclass::text as name, string_agg(quote_ident(a.attname), ', ') as columns
       from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
      where i.indisprimary group by 1`,
  )
  for (const { name, columns } of keys.rows) primaryKeys.set(name, columns)
  const found = await admin.query('select polrelid::regclass::text as name, polname as policy from pg_policy')
  for (const { name, policy } of found.rows) policies.set(name, policy)
}

const reachesForNoRow = /program|file|lock/

test('no statement on any tenant table reaches another tenant, with a context of the attacker’s or none', async ({
  annotate,
}) => {
  const { tables, attacker, victim, sign } = campaign
  await readCatalogue(campaign)
  await campaign.withoutDefinitionGuard()
  await campaign.admin.query('analyze')
  const client = await campaign.connect()
  const through: string[] = []
  const [met, missed]: [string[], string[]] = [[], []]
  for (const table of tables) {
    const foreign = `${table.tenantColumn} = ${literal(victim.id)}`
    const attacks = reads(table, foreign)
    if (table.kind !== 'view') attacks.push(...writes(table, foreign, literal(attacker.id)))
    // Events stand in the partition of their month; nothing can be met in the others.
    const { rowCount } = await campaign.admin.query(`select from ${table.name} where ${foreign} limit 1`)
    const reaching = table.kind === 'partition' && rowCount === 0 ? [] : attacks
    for (const attack of reaching.filter(({ name }) => !reachesForNoRow.test(name)))
      ((await campaign.meets(attack)) ? met : missed).push(`${table.name}: ${attack.name}`)
    for (const attack of [...attacks, ...ownership(table)]) {
      const contexts = {
        own: { tenant: sign('tenant', attacker.id), user: sign('user', attacker.user.id) },
        none: {},
        user: { user: sign('user', attacker.user.id) },
      }
      for (const [kind, context] of Object.entries(contexts)) {
        const how = await campaign.attempt(client, attack, context)
        if (how) through.push(`${table.name}, ${kind} context: ${how}`)
      }
    }
  }
  await annotate(
    `${campaign.attempts()} attempts on ${tables.length} tables, ${through.length} got through; ` +
      `of ${met.length + missed.length} that reach for rows ${missed.length} met none`,
  )
  expect(through).toEqual([])
  expect(missed).toEqual([])
  expect(campaign.attempts()).toBeGreaterThan(tables.length * 100)
}, 120_000)

test('the victim itself reads its row in every table it may read, so that the attacks had something to find', async () => {
  const { tables, victim, sign } = campaign
  const client = await campaign.connect()
  const empty: string[] = []
  for (const { name, readable } of tables) {
    if (readable === null) continue
    const attack: Attack = { name: 'control', statements: [`select ${readable} from ${name}`], outcome: 'nothing' }
    const how = await campaign.attempt(client, attack, { tenant: sign('tenant', victim.id) })
    if (!how?.includes(victim.id)) empty.push(name)
  }
  expect(empty).toEqual([])
})

test('a foreign key of a tenant table begins with the tenant, or leads to the tenant itself or to a person', () => {
  const loose = campaign.tables.flatMap(({ name, tenantColumn, foreignKeys }) =>
    foreignKeys
      .filter(({ target }) => !['tenantry.tenants', 'tenantry.users'].includes(target))
      .filter(({ columns, targetColumns }) => columns[0] !== tenantColumn || targetColumns[0] !== 'tenant_id')
      .map(({ columns, target }) => `${name} (${columns}) → ${target}`),
  )
  expect(loose).toEqual([])
})

test('a policy that lets everything through is noticed by these attacks', async () => {
  const { admin, attacker, victim, sign, tables } = campaign
  const table = tables.find(({ name }) => name === 'tenantry.audit_entries')
  if (!table) throw new Error('There is no audit log to attack')
  await admin.query(`alter policy tenant_isolation on ${table.name} using (true) with check (true)`)
  const client = await campaign.connect()
  const foreign = `${table.tenantColumn} = ${literal(victim.id)}`
  const through: string[] = []
  for (const attack of [...reads(table, foreign), ...writes(table, foreign, literal(attacker.id))]) {
    const how = await campaign.attempt(client, attack, { tenant: sign('tenant', attacker.id) })
    if (how) through.push(how)
  }
  expect(through).toContainEqual(expect.stringMatching(/^select by tenant: it was told/))
  expect(through).toContainEqual(expect.stringMatching(/^copy to stdout: it was told/))
  expect(through).toContainEqual(expect.stringMatching(/^an expression that fails on a foreign row: it failed for/))
  expect(through).toContainEqual(expect.stringMatching(/^insert: rows of the victim changed/))
})
