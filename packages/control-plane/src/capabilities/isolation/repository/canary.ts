import type { Database, Rehearsal } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { ExpectedDatabase } from '@tenantry/kernel/tenancy/inspection'
import type { Found } from '../rules/report.ts'

interface TenantTable {
  name: string
  /** Where the tenant's id stands. */
  column: string
}

interface Attempt {
  table: string
  what: string
  text: string
  values: readonly string[]
}

export interface Flight {
  attempts: number
  findings: Found[]
}

/**
 * Two throw-away tenants on the operators' connection, each under its own context, then the application's connection as
 * one of them against a tenant that is there. All of it is taken back.
 */
export async function releaseCanary(database: Database, expected: ExpectedDatabase): Promise<Flight> {
  const tables = tenantTablesOf(expected)
  const [own, other] = [newId(), newId()]
  const operators = await database.rehearse('operators', async (rehearsal) => {
    for (const id of [own, other]) await makeTenant(rehearsal, id)
    const sees = (await seesItself(rehearsal, own)) && (await seesItself(rehearsal, other))
    const flight = await flyAcross(rehearsal, tables, { own, other })
    return sees ? flight : joined([flight, { attempts: 0, findings: [blindness] }])
  })
  const someTenant = await database.rehearse('operators', async (rehearsal) => {
    await rehearsal.as({ operator: { type: 'system', name: 'canary' } })
    return findSomeTenant(rehearsal)
  })
  const users = await database.rehearse('users', (rehearsal) =>
    flyAcross(rehearsal, tables, { own, other: someTenant ?? other }),
  )
  return joined([operators, users])
}

const blindness: Found = {
  subject: 'canary',
  message: 'A tenant does not see its own rows, so that the attempts prove nothing: see the check of policies.',
}

const joined = (flights: readonly Flight[]): Flight => ({
  attempts: flights.reduce((sum, { attempts }) => sum + attempts, 0),
  findings: flights.flatMap(({ findings }) => findings),
})

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

/** A canary that sees nothing at all would prove nothing. */
async function seesItself({ as, query }: Rehearsal, id: string): Promise<boolean> {
  await as({ tenantId: id })
  const rows = await query('select from tenantry.tenants t join tenantry.tenant_settings s on s.tenant_id = t.id')
  return rows.length === 1
}

async function findSomeTenant({ query }: Rehearsal): Promise<string | null> {
  const [tenant] = await query<{ id: string }>(`select id from tenantry.tenants where status <> 'purged' limit 1`)
  return tenant?.id ?? null
}

/** Tries, as `own`, to read, plant, take, give and remove rows of `other`; then without a context, and with a forged one. */
async function flyAcross(
  rehearsal: Rehearsal,
  tables: readonly TenantTable[],
  { own, other }: { own: string; other: string },
): Promise<Flight> {
  const flights: Flight[] = []
  await rehearsal.as({ tenantId: own })
  for (const table of tables) flights.push(await tryAll(rehearsal, attemptsAcross(table, own, other)))
  await rehearsal.as(null)
  flights.push(
    await tryAll(
      rehearsal,
      tables.map((table) => readAll(table, 'without a tenant context')),
    ),
  )
  await rehearsal.query(forgeSql, [other])
  flights.push(
    await tryAll(
      rehearsal,
      tables.map((table) => readAll(table, 'by a forged context')),
    ),
  )
  return joined(flights)
}

function attemptsAcross({ name, column }: TenantTable, own: string, other: string): Attempt[] {
  // Of one row at the most: where isolation is broken, this must not lock a whole tenant until it is taken back.
  const one = `ctid in (select ctid from ${name} where ${column} = $1 limit 1)`
  const move = `update ${name} set ${column} = $2 where ${one} returning 1`
  const attempts: Omit<Attempt, 'table'>[] = [
    { what: 'read another tenant', text: `select from ${name} where ${column} = $1 limit 1`, values: [other] },
    { what: 'read any other tenant', text: `select from ${name} where ${column} <> $1 limit 1`, values: [own] },
    {
      what: 'insert for another tenant',
      text: `insert into ${name} (${column}) values ($1) returning 1`,
      values: [other],
    },
    { what: 'take a row of another tenant', text: move, values: [other, own] },
    { what: 'give a row to another tenant', text: move, values: [own, other] },
    { what: 'delete a row of another tenant', text: `delete from ${name} where ${one} returning 1`, values: [other] },
  ]
  return attempts.map((attempt) => ({ ...attempt, table: name }))
}

const readAll = ({ name }: TenantTable, how: string): Attempt => ({
  table: name,
  what: `read ${how}`,
  text: `select from ${name} limit 1`,
  values: [],
})

const forgeSql = `select set_config('tenancy.tenant_context',
  format('forged.%s.%s.%s', $1::text, extract(epoch from clock_timestamp())::bigint + 20, repeat('0', 64)), true)`

const insufficientPrivilege = '42501'

async function tryAll({ query }: Rehearsal, attempts: readonly Attempt[]): Promise<Flight> {
  const findings: Found[] = []
  for (const { table, what, text, values } of attempts) {
    await query('savepoint attempt')
    const through = await query(text, values).then(
      (rows) => (rows.length > 0 ? 'it got through' : null),
      // Row-level security is asked first: any other error comes from behind it.
      (error: Error & { code?: string }) =>
        error.code === insufficientPrivilege ? null : `only “${error.message}” stopped it`,
    )
    await query('rollback to savepoint attempt')
    if (through) {
      const message = `Somebody could ${what}: ${through}. Stop serving, and see what the other checks found.`
      findings.push({ subject: `table ${table}`, message })
    }
  }
  return { attempts: attempts.length, findings }
}
