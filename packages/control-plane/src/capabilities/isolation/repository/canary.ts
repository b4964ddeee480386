import type { Database, Rehearsal } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { ExpectedDatabase } from '@tenantry/kernel/tenancy/inspection'
import type { Found } from '../rules/report.ts'
import { type Attempt, type Flight, joined, plantOwn, type TenantTable, tablesWithRows, tryAll } from './attempts.ts'

/**
 * Two throw-away tenants on the operators' connection, each under its own context, then the application's connection as
 * one of them against a tenant that is there. On both, tenants see what is their own: a canary that sees nothing at all
 * would prove nothing. All of it is taken back.
 */
export async function releaseCanary(database: Database, expected: ExpectedDatabase): Promise<Flight> {
  const tables = tenantTablesOf(expected)
  const [own, other] = [newId(), newId()]
  const operators = await database.rehearse('operators', async (rehearsal) => {
    for (const id of [own, other]) await makeTenant(rehearsal, id)
    const sighted = [await seesItself(rehearsal, own), await seesItself(rehearsal, other)]
    const controls = await plantedBy(rehearsal, tables, [own, other])
    const flight = await flyAcross(rehearsal, tables, { own, other })
    return withProof('operators', [flight, controls], { sighted: sighted.every(Boolean), meets: true })
  })
  const living = await database.rehearse('operators', async (rehearsal) => {
    await rehearsal.as({ operator: { type: 'system', name: 'canary' } })
    return findSomeTenants(rehearsal)
  })
  const users = await database.rehearse('users', async (rehearsal) => {
    // Whoever serves requests makes no tenants: those that are there show that it sees them.
    const sighted = []
    for (const id of living) sighted.push(await seesOnly(rehearsal, id))
    const controls = await plantedBy(rehearsal, tables, [own, other])
    const flight = await flyAcross(rehearsal, tables, { own, other: living[0] ?? other })
    return withProof('application', [flight, controls], { sighted: sighted.every(Boolean), meets: living.length > 0 })
  })
  return joined([operators, users])
}

/** What must have been seen for the rest to prove anything. */
function withProof(
  connection: 'operators' | 'application',
  flights: readonly Flight[],
  { sighted, meets }: { sighted: boolean; meets: boolean },
): Flight {
  const flight = joined(flights)
  const where = connection === 'operators' ? "on the operators' connection" : "on the application's connection"
  const blindness = (what: string): Found => ({
    subject: 'canary',
    message: `${what} ${where}, so that the attempts prove nothing: see the check of policies.`,
  })
  const findings = [
    ...(sighted ? [] : [blindness('A tenant does not see its own rows')]),
    ...(meets && flight.met === 0 ? [blindness('No attempt met a row')] : []),
    ...(flight.refused === 0 ? [blindness('No policy refused anything')] : []),
  ]
  return { ...flight, findings: [...flight.findings, ...findings] }
}

async function plantedBy(
  rehearsal: Rehearsal,
  tables: readonly TenantTable[],
  ids: readonly string[],
): Promise<Flight> {
  const findings: Found[] = []
  for (const id of ids) {
    await rehearsal.as({ tenantId: id })
    const planted = await plantOwn(rehearsal, tables, id)
    findings.push(...planted.findings)
    if (planted.admitted === 0) findings.push({ subject: 'canary', message: 'No table took a row of a tenant’s own.' })
  }
  return { attempts: 0, met: 0, refused: 0, findings }
}

/** Every table with rows of tenants; the tenants' own among them. */
function tenantTablesOf({ tables }: ExpectedDatabase): TenantTable[] {
  return tables.flatMap(({ name, policies }) => {
    const own = policies.find((policy) => policy.name === 'tenant_isolation')
    return own?.using ? [{ name, column: own.using.slice(0, own.using.indexOf(' ')) }] : []
  })
}

async function makeTenant({ as, query }: Rehearsal, id: string): Promise<void> {
  await as({ tenantId: id })
  await query(
    `insert into tenantry.tenants (id, slug, name, contact_email, status, path, created_at, updated_at)
     values ($1::uuid, $2, 'Canary', 'canary@example.invalid', 'provisioning', '{}', now(), now())`,
    [id, `canary-${id}`],
  )
  await query(`insert into tenantry.tenant_settings (tenant_id, document, updated_at) values ($1, '{}', now())`, [id])
}

async function seesItself({ as, query }: Rehearsal, id: string): Promise<boolean> {
  await as({ tenantId: id })
  const rows = await query('select from tenantry.tenants t join tenantry.tenant_settings s on s.tenant_id = t.id')
  return rows.length === 1
}

/** Its own row of the tenants, which each has, and no other. */
async function seesOnly({ as, query }: Rehearsal, id: string): Promise<boolean> {
  await as({ tenantId: id })
  const rows = await query<{ id: string }>('select id from tenantry.tenants limit 2')
  return rows.length === 1 && rows[0]?.id === id
}

async function findSomeTenants({ query }: Rehearsal): Promise<string[]> {
  const found = await query<{ id: string }>(`select id from tenantry.tenants where status <> 'purged' limit 2`)
  return found.map(({ id }) => id)
}

/** Tries, as `own`, to read, plant, take, give and remove rows of `other`; then without a context, and with a forged one. */
async function flyAcross(
  rehearsal: Rehearsal,
  tables: readonly TenantTable[],
  { own, other }: { own: string; other: string },
): Promise<Flight> {
  await rehearsal.as({ tenantId: other })
  const peopled = await tablesWithRows(rehearsal, tables)
  const fly = (attempts: readonly Attempt[]) => tryAll(rehearsal, attempts, peopled)
  await rehearsal.as({ tenantId: own })
  const across = await fly(tables.flatMap((table) => attemptsAcross(table, own, other)))
  await rehearsal.as(null)
  const unbound = await fly(tables.map((table) => readAll(table, 'without a tenant context')))
  await rehearsal.query(forgeSql, [other])
  return joined([across, unbound, await fly(tables.map((table) => readAll(table, 'by a forged context')))])
}

function attemptsAcross({ name, column }: TenantTable, own: string, other: string): Attempt[] {
  // Of one row at the most: where isolation is broken, this must not lock a whole tenant until it is taken back.
  const one = `ctid in (select ctid from ${name} where ${column} = $1 limit 1)`
  const move = `update ${name} set ${column} = $2 where ${one} returning 1`
  const read = (where: string) => `select from ${name} where ${column} ${where} limit 1`
  const plant = `insert into ${name} (${column}) values ($1) returning 1`
  const remove = `delete from ${name} where ${one} returning 1`
  const attempts: Omit<Attempt, 'table'>[] = [
    { what: 'read another tenant', text: read('= $1'), values: [other], seeks: 'other' },
    { what: 'read any other tenant', text: read('<> $1'), values: [own], seeks: 'other' },
    { what: 'insert for another tenant', text: plant, values: [other], seeks: 'none' },
    { what: 'take a row of another tenant', text: move, values: [other, own], seeks: 'other' },
    { what: 'give a row to another tenant', text: move, values: [own, other], seeks: 'own' },
    { what: 'delete a row of another tenant', text: remove, values: [other], seeks: 'other' },
  ]
  return attempts.map((attempt) => ({ ...attempt, table: name }))
}

const readAll = ({ name }: TenantTable, how: string): Attempt => ({
  table: name,
  what: `read ${how}`,
  text: `select from ${name} limit 1`,
  values: [],
  seeks: 'other',
})

const forgeSql = `select set_config('tenancy.tenant_context',
  format('forged.%s.%s.%s', $1::text, extract(epoch from clock_timestamp())::bigint + 20, repeat('0', 64)), true)`
