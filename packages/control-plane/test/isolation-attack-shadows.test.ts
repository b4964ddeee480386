import { randomUUID } from 'node:crypto'
import { type Client, DatabaseError } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import { insertOf, makeRow, openRows } from './isolation-rows.fixture.ts'
import { layTraps, listDefiners, listTriggers, type OwnFunction, trapCode } from './isolation-shadows.fixture.ts'

let installation: TestInstallation
let campaign: Campaign
let traps: number
const sessions = new Map<string, Client>()

beforeAll(async () => {
  installation = await openTestInstallation()
  campaign = await openCampaign(installation)
  await campaign.withoutDefinitionGuard()
  traps = (await layTraps(campaign.admin)).objects
  for (const role of ['tenantry_app', 'tenantry_platform', 'tenantry_jobs'] as const)
    sessions.set(role, await campaign.connect(role))
})

afterAll(async () => {
  await campaign[Symbol.asyncDispose]()
  await installation.close()
})

interface Statement {
  name: string
  text: string
  values: unknown[]
  /** The superuser where nobody else may. */
  role?: string | undefined
}

type Context = Record<'tenant' | 'user' | 'platform', string>

function contexts(): Record<string, Context> {
  const { attacker, sign } = campaign
  const platform = sign('platform', 'platformAdmin:test')
  return {
    attacker: { tenant: sign('tenant', attacker.id), user: sign('user', attacker.user.id), platform },
    identity: { tenant: '', user: sign('identity', `api-key:${randomUUID()}:digest`), platform: '' },
    invitation: { tenant: '', user: sign('identity', 'invitation:digest'), platform: '' },
  }
}

/** What is answered, or how it is refused; rolled back. */
async function answer({ role = '', text, values }: Statement, context: Context, path: string): Promise<string> {
  const client = sessions.get(role) ?? campaign.admin
  await client.query('begin')
  try {
    for (const [purpose, token] of Object.entries(context))
      await client.query('select pg_catalog.set_config($1, $2, true)', [`tenancy.${purpose}_context`, token])
    await client.query(`set local search_path = ${path}`)
    const { rows, rowCount } = await client.query(text, values)
    return `${rowCount} ${JSON.stringify(rows)}`
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    return `${error.code} ${error.message}`
  } finally {
    await client.query('rollback')
  }
}

interface Outcome {
  attempts: number
  /** Refused without traps too: they may end before they use a name. */
  refused: number
  through: string[]
}

/** Each with the traps before everything else, and without. */
async function spring(statements: Statement[]): Promise<Outcome> {
  const outcome: Outcome = { attempts: 0, refused: 0, through: [] }
  for (const statement of statements) {
    for (const [kind, context] of Object.entries(contexts())) {
      const [plain, shadowed] = [
        await answer(statement, context, 'pg_catalog'),
        await answer(statement, context, 'shadow, pg_catalog, tenantry'),
      ]
      outcome.attempts++
      if (/^(42501|23)/.test(plain)) outcome.refused++
      if (plain !== shadowed)
        outcome.through.push(`${statement.name}, ${kind}: ${shadowed}, but without traps ${plain}`)
    }
  }
  return outcome
}

const argumentOf = (type: string): unknown => {
  switch (type) {
    case 'uuid':
      return campaign.attacker.user.id
    case 'uuid[]':
      return [campaign.attacker.user.id]
    case 'integer':
    case 'bigint':
      return 5
    case 'jsonb':
      return JSON.stringify([{ id: campaign.attacker.id, at: '2030-01-01T00:00:00Z' }])
    case 'timestamp with time zone':
    case 'date':
      return '2030-01-01'
    case 'text':
      return campaign.attacker.slug
    case 'boolean':
      return true
    default:
      throw new Error(`No value is known for an argument of type ${type}`)
  }
}

const callOf = ({ signature, call, argumentTypes, callers }: OwnFunction): Statement => ({
  name: signature,
  text: `select * from ${call}(${argumentTypes.map((_, place) => `$${place + 1}`)})`,
  values: argumentTypes.map(argumentOf),
  role: callers[0],
})

test('no function that runs with rights of its own takes a name from a schema put before all others', async ({
  annotate,
}) => {
  const definers = await listDefiners(campaign.admin)
  const { attempts, refused, through } = await spring(definers.map(callOf))
  await annotate(
    `${attempts} attempts on ${definers.length} functions with ${traps} traps, ${through.length} got through; ${refused} met no row, refused without traps too`,
  )
  expect(through).toEqual([])
  expect(definers.length).toBeGreaterThan(30)
  expect(attempts - refused).toBeGreaterThan(definers.length)
  expect(traps).toBeGreaterThan(300)
}, 60_000)

test('no trigger does either', async ({ annotate }) => {
  const { admin, tables, attacker } = campaign
  const { rows } = { rows: openRows(admin, tables, { id: attacker.id, marker: 'more' }) }
  const statements: Statement[] = []
  for (const { name, table, event, column } of await listTriggers(admin)) {
    const written = tables.find((candidate) => candidate.name === table)
    if (!written) throw new Error(`${table} holds no rows of tenants`)
    const isTenant = written.tenantColumn === 'id'
    const row = isTenant ? makeRow(written, { id: randomUUID(), marker: 'more' }) : await rows.newRow(written)
    const write =
      event === 'insert' ? insertOf(written, row) : { text: `update ${table} set ${column} = ${column}`, values: [] }
    statements.push({ name: `${name} on ${table}, ${event}`, ...write })
  }
  const { attempts, refused, through } = await spring(statements)
  await annotate(
    `${attempts} attempts, ${through.length} got through; ${refused} met no row, refused without traps too`,
  )
  expect(through).toEqual([])
  expect(statements.length).toBeGreaterThan(20)
})

test.each([
  ['a table', 'return (select pg_catalog.count(*) from tenants);'],
  ['a function', `return pg_catalog.length(split_part('a b', ' ', 1));`],
  ['an operator', `return 1 + pg_catalog.length('a');`],
  ['a type', `return pg_catalog.length(('a'::bytea)::pg_catalog.text);`],
])('a function that looks for %s where its caller says is caught by these traps', async (_, body) => {
  await campaign.admin.query(`create function directory.careless() returns bigint language plpgsql security definer
    as $body$ begin ${body} end $body$; grant execute on function directory.careless() to tenantry_app`)
  const careless = (await listDefiners(campaign.admin)).filter(({ call }) => call === 'directory.careless')
  const { through } = await spring(careless.map(callOf))
  await campaign.admin.query('drop function directory.careless()')
  expect(through).toContainEqual(expect.stringContaining(`directory.careless(), attacker: ${trapCode}`))
})
