import type { Actor } from '@tenantry/kernel/context/actor'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { type DatabaseOptions, type OpenDatabase, openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Tenant } from '../src/capabilities/tenant/entity.ts'
import { entities } from '../src/entities.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import { openTap } from './isolation-wire.fixture.ts'

type EntityManager = Parameters<Parameters<OpenDatabase['tenantUnit']>[1]>[0]

let installation: TestInstallation
let campaign: Campaign

beforeAll(async () => {
  installation = await openTestInstallation({ reach: async () => ({ refuseSecondConnection: false }) })
  campaign = await openCampaign(installation)
})

afterAll(async () => {
  await campaign[Symbol.asyncDispose]()
  await installation.close()
})

/** Of one connection, so that every unit of work gets the session of the one before. */
async function openSingle(urlsInstead: Partial<DatabaseOptions> = {}): Promise<OpenDatabase & AsyncDisposable> {
  const { urls, signingKey } = installation.testDatabase
  const database = await openDatabase({
    appUrl: urls.tenantry_app,
    platformUrl: urls.tenantry_platform,
    entities,
    signingKey,
    poolSize: 1,
    statementTimeoutMilliseconds: 10_000,
    ...urlsInstead,
  })
  return { ...database, [Symbol.asyncDispose]: database.close }
}

const unitOf = (tenant: { id: string; user: { id: string } }) => ({
  tenantId: tenant.id,
  actor: { type: 'user' as const, id: tenant.user.id, email: null, name: null },
  readOnly: false,
})

/** Everything that a session could carry from one transaction into the next. */
async function stateOf(em: EntityManager) {
  const [state] = await em.execute<Record<string, unknown>[]>(`
    select pg_backend_pid() as pid, current_user as "user", session_user as "sessionUser", tenancy.current_tenant() as tenant,
           tenancy.current_user_id() as "userId",
           (select jsonb_object_agg(name, setting) from pg_settings) as settings,
           (select count(*)::int from pg_cursors) as cursors, (select count(*)::int from pg_prepared_statements) as statements,
           (select count(*)::int from pg_listening_channels()) as channels,
           (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
           (select jsonb_agg(id) from tenantry.tenants) as tenants, current_setting('app.left', true) as "left"`)
  return { ...state, pid: state?.pid, left: state?.left || null }
}

const poisons = (token: string) => [
  `select set_config('tenancy.tenant_context', '${token}', false), set_config('tenancy.user_context', '${token}', false)`,
  `set app.left = 'behind'`,
  'set search_path = pg_temp, public',
  'set row_security = off',
  'set statement_timeout = 1',
  'set default_transaction_read_only = on',
  `set default_transaction_isolation = 'serializable'`,
  'set standard_conforming_strings = off',
  `set timezone = 'Asia/Tokyo'; set datestyle = 'German'; set intervalstyle = 'iso_8601'; set bytea_output = 'escape'`,
  'set role none',
  'set session authorization default',
  'declare left_open cursor with hold for select id, slug, name from tenantry.tenants',
  'prepare left_behind as select id, slug, name from tenantry.tenants',
  'listen left_open',
  'select pg_advisory_xact_lock(42)',
  `commit; set tenancy.tenant_context = '${token}'; set row_security = off; begin`,
  'rollback; set search_path = public; begin',
  'commit and chain; set statement_timeout = 1',
  'commit',
  'rollback',
]

const endings: Record<string, (em: EntityManager) => Promise<unknown>> = {
  commit: async () => undefined,
  throw: async () => {
    throw new Error('expected')
  },
  'a failed statement': (em) => em.execute('select 1 / 0'),
}

test('a pooled session carries nothing over, however its transaction ended and whatever it was told', async ({
  annotate,
}) => {
  await using database = await openSingle()
  const { attacker, victim, sign } = campaign
  const clean = await database.tenantUnit(unitOf(victim), stateOf)
  expect(clean).toMatchObject({ tenant: victim.id, userId: victim.user.id, tenants: [victim.id], statements: 0 })
  let attempts = 0
  for (const poison of poisons(sign('tenant', attacker.id))) {
    for (const [ending, end] of Object.entries(endings)) {
      attempts++
      await database
        .tenantUnit(unitOf(attacker), async (em) => {
          await em.execute(poison)
          await end(em)
        })
        .catch(() => undefined)
      expect(await database.tenantUnit(unitOf(victim), stateOf), `${poison}, then ${ending}`).toEqual(clean)
      const user = await database.userUnit({ userId: victim.user.id, readOnly: true }, stateOf)
      expect(user, `${poison}, then ${ending}`).toMatchObject({ pid: clean.pid, tenant: null, tenants: null })
    }
  }
  await annotate(`${attempts} poisoned sessions, nothing was carried over`)
})

test('settings that a role was altered to do not reach the pools', async () => {
  const stateOfNewSession = async () => {
    await using database = await openSingle()
    return { ...(await database.tenantUnit(unitOf(campaign.victim), stateOf)), pid: null }
  }
  const clean = await stateOfNewSession()
  const client = await campaign.connect()
  const altered = [
    'row_security = off',
    'standard_conforming_strings = off',
    'search_path = public',
    `timezone = 'Asia/Tokyo'`,
    'default_transaction_read_only = on',
  ]
  const alter = `alter role tenantry_app in database ${installation.testDatabase.name}`
  for (const setting of altered) await client.query(`${alter} set ${setting}`)
  expect(await stateOfNewSession()).toEqual(clean)
  await campaign.admin.query(`${alter} reset all`)
})

test('a statement that failed and was passed over cannot end in a commit', async () => {
  await using database = await openSingle()
  const { victim } = campaign
  const swallowed = database.tenantUnit(unitOf(victim), async (em) => {
    await em.execute('select 1 / 0').catch(() => undefined)
    return 'answered'
  })
  await expect(swallowed).rejects.toThrow('rolled back')
  expect(await database.tenantUnit(unitOf(victim), stateOf)).toMatchObject({ tenant: victim.id })
})

test.each(['begin', 'start transaction read only'])(
  'a unit of work that says %s in between ends like any other, whether it commits or not',
  async (text) => {
    await using database = await openSingle()
    const { victim, admin } = campaign
    const rename = (name: string) => (em: EntityManager) => em.execute('update tenantry.tenants set name = ?', [name])
    const nameNow = async () =>
      (await admin.query('select name from tenantry.tenants where id = $1', [victim.id])).rows[0].name
    await database.tenantUnit(unitOf(victim), async (em) => {
      await rename(`After ${text}`)(em)
      await em.execute(text)
    })
    expect(await nameNow()).toBe(`After ${text}`)
    const failing = database.tenantUnit(unitOf(victim), async (em) => {
      await rename('Never')(em)
      await em.execute(text)
      throw new Error('expected')
    })
    await expect(failing).rejects.toThrow('expected')
    await database.tenantUnit(unitOf(victim), (em) => em.execute('select 1'))
    expect(await nameNow()).toBe(`After ${text}`)
  },
)

test('whatever a unit of work begins with runs in it: a cursor, several statements, parameters beside a semicolon', async () => {
  const { victim } = campaign
  const first = <Result>(work: (em: EntityManager) => Promise<Result>) =>
    installation.database.tenantUnit(unitOf(victim), work)
  const streamed = await first(async (em) => {
    const ids: string[] = []
    for await (const { id } of em.stream(Tenant)) ids.push(id)
    return ids
  })
  expect(streamed).toEqual([victim.id])
  const [, last] = await first(async (em) => [
    await em.execute('select 1; select 2'),
    await em.execute('select tenancy.current_tenant() as tenant'),
  ])
  expect(last).toEqual([{ tenant: victim.id }])
  const bound = await first((em) =>
    em
      .getKysely()
      .selectNoFrom(({ val }) => [val('bound').as('a; b')])
      .execute(),
  )
  expect(bound).toEqual([{ 'a; b': 'bound' }])
})

test('an entity manager that is kept beyond its unit of work sees nothing', async () => {
  await using database = await openSingle()
  const kept = await database.tenantUnit(unitOf(campaign.victim), async (em) => em)
  const attempts = [
    () => kept.find(Tenant, {}, { disableIdentityMap: true }),
    () => kept.execute('select id, slug, name from tenantry.tenants'),
    () => kept.getConnection().execute('select id, slug, name from tenantry.tenants'),
    () => kept.fork().find(Tenant, {}),
  ]
  for (const attempt of attempts) expect(await attempt().catch(() => [])).toEqual([])
})

test('units of work that run at the same moment never see each other’s tenant', async () => {
  const { attacker, victim } = campaign
  const seen = await Promise.all(
    Array.from({ length: 100 }, (_, index) => {
      const tenant = index % 3 === 0 ? victim : attacker
      return installation.database.tenantUnit(unitOf(tenant), async (em) => {
        const rows = await em.execute<{ id: string }[]>('select id, pg_sleep(0.001) from tenantry.tenants')
        const found = await em.find(Tenant, {})
        return [...rows, ...found].map(({ id }) => id === tenant.id)
      })
    }),
  )
  expect(seen.flat()).toEqual(Array.from({ length: 200 }, () => true))
})

test('a unit of work inside another is one of its own, with its own role, tenant and outcome', async () => {
  const { attacker, victim } = campaign
  const look = async (em: EntityManager) => {
    const [row] = await em.execute<{ role: string; pid: number; tenant: string | null }[]>(
      'select current_user as role, pg_backend_pid() as pid, tenancy.current_tenant() as tenant',
    )
    return row
  }
  for (const asOperator of [false, true]) {
    await installation.database.tenantUnit({ ...unitOf(attacker), asOperator }, async (em) => {
      const outer = await look(em)
      const inner = await installation.database.tenantUnit(unitOf(victim), look)
      expect(inner).toMatchObject({ role: 'tenantry_app', tenant: victim.id })
      expect(inner?.pid).not.toBe(outer?.pid)
      await expect(
        installation.database.tenantUnit(unitOf(victim), (em) => em.execute('select 1 / 0')),
      ).rejects.toThrow()
      expect(await look(em)).toEqual({ ...outer, tenant: attacker.id })
    })
  }
})

test('a token is a bound value and no part of any statement’s text, whatever opens the transaction', async () => {
  const { victim } = campaign
  const { urls, signingKey } = installation.testDatabase
  await using tap = await openTap(urls.tenantry_app)
  await using database = await openSingle({
    appUrl: tap.through(urls.tenantry_app),
    platformUrl: tap.through(urls.tenantry_platform),
  })
  const actor: Actor = { type: 'system', name: 'test' }
  const one = { text: 'select 1' }
  const ask = (em: EntityManager) => em.execute('select 1')
  await database.tenantUnit(unitOf(victim), ask)
  await database.tenantUnit(unitOf(victim), (em) => em.execute('select 1; select 2'))
  await database.userUnit({ userId: victim.user.id, readOnly: true }, ask)
  await database.identityUnit('digest:digest', ask)
  await database.platformUnit({ actor, readOnly: true }, ask)
  await database.tenantRead({ tenantId: victim.id }, tenantQuery({ tenant: Tenant }, 'select id from tenant'))
  await database.userRead(victim.user.id, one)
  await database.platformRead(actor, one)

  const token = new RegExp(`${signingKey.kid}\\.[^.]+\\.\\d+\\.[0-9a-f]{64}`, 'g')
  const carried = Object.entries(Object.groupBy(tap.sent(), ({ type }) => type)).map(([type, messages = []]) => [
    type,
    messages.flatMap(({ body }) => body.match(token) ?? []).length,
  ])
  // The two units of a tenant bind its user too.
  expect(carried.filter(([, tokens]) => tokens !== 0)).toEqual([['B', 10]])
})

test('without such help the server shows no text of the serving roles at all', async () => {
  await using other = await openTestInstallation({ reach: async () => ({ refuseSecondConnection: false }) })
  const tenant = { ...(await other.createTenant()), user: await other.createUser() }
  const { rows } = await other.database.tenantUnit(unitOf(tenant), () =>
    campaign.admin.query('select query, state from pg_stat_activity where datname = $1 and usename = $2', [
      other.testDatabase.name,
      'tenantry_app',
    ]),
  )
  expect(rows).toEqual([{ query: '', state: 'disabled' }])
})
