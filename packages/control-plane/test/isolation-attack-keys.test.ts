import { escapeLiteral } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Attack, type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import { listUniqueKeys, type UniqueKey } from './isolation-keys.fixture.ts'
import {
  insertInto,
  noProbes,
  only,
  openProber,
  orNothing,
  type Probes,
  servingRoles,
  tells,
  updateOf,
  variants,
} from './isolation-probes.fixture.ts'
import { insertOf, openRows, type TenantTable } from './isolation-rows.fixture.ts'

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

const tableOf = ({ table }: UniqueKey) => campaign.tables.find(({ name }) => name === table) as TenantTable
const rowOfVictim = ({ name }: TenantTable) => openRows(campaign.admin, campaign.tables, campaign.victim).rowOf(name)

/** Those of the tables that belong to tenants, not of the platform's that tell of them. */
const tenantKeys = () =>
  listUniqueKeys(
    campaign.admin,
    campaign.tables.filter(({ kind, tenantColumn }) => kind === 'table' && tenantColumn === 'tenant_id'),
  )

async function probeKeys(keys: UniqueKey[], roles: readonly (typeof servingRoles)[number][] = servingRoles) {
  const probes = noProbes()
  for (const role of roles) {
    const client = await campaign.connect(role)
    for (const key of keys) await probeKey(await openProber(campaign, client, probes), key, role)
  }
  return probes
}

async function probeKey({ rows, compare }: Awaited<ReturnType<typeof openProber>>, key: UniqueKey, role: string) {
  const table = tableOf(key)
  const mine = await rows.newRow(table)
  const victims = await rowOfVictim(table)
  const others = key.columns.filter((column) => column !== table.tenantColumn)
  const person = (await installation.createUser()).id
  const own = variants(table, mine, only(victims, others), person)
  const whole = variants(table, mine, only(victims, key.columns), person)
  const insert = insertInto(table)
  for (const [how, write] of Object.entries({
    insert,
    'insert or nothing': (row: object) => orNothing(insert({ ...row })),
  })) {
    await compare(`${role}: ${how} with the key of ${key.name}`, write, own)
    await compare(`${role}: ${how} with tenant and key of ${key.name}`, write, whole)
  }
  const { text, values } = insertOf(table, mine)
  // Where there is one row for each tenant, it is there.
  await campaign.admin.query(`${text} on conflict do nothing`, values)
  await compare(`${role}: update to the key of ${key.name}`, updateOf(table, others), own)
}

test('no unique key of any table tells whether another tenant has it', async ({ annotate }) => {
  const keys = await tenantKeys()
  const probes = await probeKeys(keys)
  await annotate(`${keys.length} unique keys: ${tells(probes)}`)
  expect(probes.through).toEqual([])
  expect(keys.length).toBeGreaterThan(20)
  expect(probes.attempts - probes.stopped).toBeGreaterThan(keys.length)
}, 60_000)

test('the names of tenants, which are unique across tenants, are told to the application by no key', async () => {
  const [table] = campaign.tables.filter(({ name }) => name === 'tenantry.tenants')
  if (!table) throw new Error('There are no tenants')
  const probes: Probes = noProbes()
  const { id, compare } = await openProber(campaign, await campaign.connect(), probes)
  const victims = await rowOfVictim(table)
  for (const { columns, name } of await listUniqueKeys(campaign.admin, [table])) {
    const rows = variants(
      table,
      {
        ...only(
          victims,
          table.columns.map((column) => column.name),
        ),
        id,
      },
      only(victims, columns),
    )
    await compare(name, insertInto(table), rows)
    await compare(name, updateOf(table, columns), rows)
  }
  expect(probes).toMatchObject({ through: [], attempts: 6 })
})

test('a key that forgot its tenant is noticed by these probes', async () => {
  await campaign.admin.query('create unique index forgetful on tenantry.teams (name_key)')
  const keys = (await tenantKeys()).filter(({ name }) => name === 'tenantry.forgetful')
  const { through } = await probeKeys(keys, ['tenantry_app'])
  await campaign.admin.query('drop index tenantry.forgetful')
  for (const how of ['insert with the key', 'insert or nothing with the key', 'update to the key'])
    expect(through).toContainEqual(expect.stringContaining(`tenantry_app: ${how} of tenantry.forgetful: `))
})

const literal = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? escapeLiteral(`{${value.map((item) => JSON.stringify(item))}}`)
      : value instanceof Date
        ? escapeLiteral(value.toISOString())
        : Buffer.isBuffer(value)
          ? `'\\x${value.toString('hex')}'`
          : escapeLiteral(typeof value === 'object' ? JSON.stringify(value) : String(value))

/** The victim's own row once more, under every key of its table: what is there is met. */
async function upserts(key: UniqueKey): Promise<Attack[]> {
  const table = tableOf(key)
  const row = await rowOfVictim(table)
  const columns = table.columns.map(({ name }) => name)
  const values = columns.map((column) => literal(row[column]))
  const [some = table.tenantColumn] = columns.filter((column) => !key.columns.includes(column))
  const insert = `insert into ${table.name} as met (${columns}) values (${values}) on conflict`
  const update = `${insert} ${key.target} do update set ${some} = excluded.${some}`
  const meets = [`${update} returning *`]
  return [
    { name: 'upsert', statements: [update] },
    { name: 'upsert returning', statements: meets },
    {
      name: 'upsert where it is mine',
      statements: [`${update} where met.${table.tenantColumn} is not null returning *`],
    },
    { name: 'insert or nothing', statements: [`${insert} ${key.target} do nothing returning *`] },
    { name: 'insert or nothing at all', statements: [`${insert} do nothing returning *`] },
  ].map((attack) => ({ ...attack, name: `${key.name}, ${attack.name}`, outcome: 'refused', control: meets }))
}

test('an upsert that meets the victim’s row, by every key of every table, changes nothing and is told nothing', async ({
  annotate,
}) => {
  const { tables, attacker, victim, sign, attempt, meets, connect } = campaign
  const keys = await listUniqueKeys(
    campaign.admin,
    tables.filter(({ kind }) => kind === 'table'),
  )
  const attacks = (await Promise.all(keys.map(upserts))).flat()
  const [through, missed]: [string[], string[]] = [[], []]
  let attempts = 0
  for (const attack of attacks) if (!(await meets(attack))) missed.push(attack.name)
  for (const role of servingRoles) {
    const client = await connect(role)
    for (const attack of attacks) {
      for (const context of [{ tenant: sign('tenant', attacker.id), user: sign('user', attacker.user.id) }, {}]) {
        attempts++
        const how = await attempt(client, attack, context)
        if (how) through.push(`${role}: ${how}`)
      }
    }
  }
  await annotate(
    `${attempts} attempts on ${keys.length} keys, ${through.length} got through; ${missed.length} met no row`,
  )
  expect(through).toEqual([])
  expect(missed).toEqual([])
  const itself = await connect()
  const control = await Promise.all(keys.map(async (key) => (await upserts(key)).slice(1, 2)))
  const shown: string[] = []
  for (const attack of control.flat()) {
    if (await attempt(itself, attack, { tenant: sign('tenant', victim.id) })) shown.push(attack.name)
  }
  expect(shown.length).toBeGreaterThan(0)
}, 60_000)

test('nor would one to a role that may write everything: the keys hold without the privileges', async ({
  annotate,
}) => {
  await campaign.admin.query('grant select, insert, update on all tables in schema tenantry to tenantry_app')
  const keys = await tenantKeys()
  const probes = await probeKeys(keys, ['tenantry_app'])
  await annotate(`${keys.length} unique keys: ${tells(probes)}`)
  expect(probes.through).toEqual([])
  // By every key, with the tenant of the prober: inserted twice and updated.
  expect(probes.attempts - probes.stopped).toBeGreaterThanOrEqual(keys.length * 3)
}, 60_000)
