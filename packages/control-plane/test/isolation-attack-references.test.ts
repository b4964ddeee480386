import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import {
  insertInto,
  noProbes,
  openProber,
  servingRoles,
  tells,
  updateOf,
  variants,
} from './isolation-probes.fixture.ts'
import { type ForeignKey, insertOf, openRows, type Row, type TenantTable } from './isolation-rows.fixture.ts'

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

interface Reference {
  table: TenantTable
  key: ForeignKey
}

/** Every foreign key from a table with rows of tenants to another, that of tenants included. */
function listReferences(): Reference[] {
  const tables = campaign.tables.filter(({ kind }) => kind === 'table')
  const targets = tables.map(({ name }) => name)
  return tables.flatMap((table) =>
    table.foreignKeys.filter(({ target }) => targets.includes(target)).map((key) => ({ table, key })),
  )
}

async function probe(references: Reference[], roles: readonly (typeof servingRoles)[number][] = servingRoles) {
  const probes = noProbes()
  for (const role of roles) {
    const client = await campaign.connect(role)
    for (const reference of references)
      await probeReference(await openProber(campaign, client, probes), reference, role)
  }
  return probes
}

async function probeReference(
  { id, rows, compare }: Awaited<ReturnType<typeof openProber>>,
  { table, key }: Reference,
  role: string,
): Promise<void> {
  const isTenant = table.name === 'tenantry.tenants'
  const mine = isTenant ? { id } : await rows.newRow(table)
  const target = await openRows(campaign.admin, campaign.tables, campaign.victim).rowOf(key.target)
  const victims: Row = Object.fromEntries(
    key.columns.map((column, index) => [column, target[key.targetColumns[index] ?? '']]),
  )
  // Of a composite key the tenant stays mine; where the tenant is all there is, it is the victim.
  if (key.columns.length > 1) delete victims[table.tenantColumn]
  const both = variants(table, mine, victims)
  const name = `${role}: ${table.name} (${key.columns}) to ${key.target}`
  await compare(`${name}, insert`, insertInto(table), both)
  if (!isTenant) {
    const { text, values } = insertOf(table, mine)
    await campaign.admin.query(`${text} on conflict do nothing`, values)
  }
  await compare(`${name}, update`, updateOf(table, Object.keys(victims)), both)
}

test('a row that refers to another tenant’s is refused as one that refers to nothing', async ({ annotate }) => {
  const references = listReferences()
  const probes = await probe(references)
  await annotate(`${references.length} foreign keys: ${tells(probes)}`)
  expect(probes.through).toEqual([])
  expect(references.length).toBeGreaterThan(20)
  expect(probes.attempts - probes.stopped).toBeGreaterThan(4)
}, 60_000)

test('nor is it accepted of a role that may write everything: the keys hold without the privileges', async ({
  annotate,
}) => {
  // Where a tenant stands below another is held by privileges alone.
  const references = listReferences().filter(({ table }) => table.name !== 'tenantry.tenants')
  await campaign.admin.query('grant select, insert, update on all tables in schema tenantry to tenantry_app')
  const probes = await probe(references, ['tenantry_app'])
  await annotate(`${references.length} foreign keys: ${tells(probes)}`)
  expect(probes.through).toEqual([])
  const composite = references.filter(({ key }) => key.columns.length > 1)
  expect(composite.length).toBeGreaterThan(3)
  expect(probes.attempts - probes.stopped).toBeGreaterThanOrEqual(composite.length * 2)
}, 60_000)

test('a foreign key that forgot its tenant is noticed by these probes', async () => {
  await campaign.admin.query(`
    alter table tenantry.teams add constraint teams_id_unique unique (id);
    alter table tenantry.team_members drop constraint team_members_team_fk,
      add constraint forgetful foreign key (team_id) references tenantry.teams (id)`)
  const forgetful = listReferences()
    .filter(({ key }) => key.name === 'team_members_team_fk')
    .map(({ table, key }) => ({ table, key: { ...key, columns: ['team_id'], targetColumns: ['id'] } }))
  const { through } = await probe(forgetful, ['tenantry_app'])
  expect(through).toContainEqual(
    expect.stringMatching(/team_members \(team_id\) to tenantry\.teams, insert: 1 rows, but for nobody’s 23503/),
  )
})
