import { type DatabaseOptions, type OpenDatabase, openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { Tenant } from '../src/capabilities/tenant/entity.ts'
import { entities } from '../src/entities.ts'
import { openTestInstallation, operator, type TestInstallation, type TestTenant } from '../src/testing.ts'
import { type PgBouncer, startPgBouncer } from './pgbouncer.fixture.ts'

type EntityManager = Parameters<Parameters<OpenDatabase['tenantUnit']>[1]>[0]

const program = inject('pgbouncer')
const soak = inject('soak')
const serverConnections = 4
const inFlight = 100
const roundsEach = soak ? 100 : 5

describe.skipIf(program === null)('behind PgBouncer in transaction mode', () => {
  let bouncer: PgBouncer
  let installation: TestInstallation
  let tenants: TestTenant[]

  beforeAll(async () => {
    installation = await openTestInstallation({
      reach: async (database) => {
        bouncer = await startPgBouncer(program ?? '', database, { default_pool_size: String(serverConnections) })
        return {
          appUrl: bouncer.through(database.urls.tenantry_app),
          platformUrl: bouncer.through(database.urls.tenantry_platform),
          pooler: 'pgbouncer',
          poolSize: 60,
        }
      },
    })
    tenants = await Promise.all(Array.from({ length: 30 }, () => installation.createTenant({ plan: 'enterprise' })))
  })
  afterAll(async () => {
    await installation.close()
    await bouncer.stop()
  })

  const tenantOf = (round: number) => tenants[round % tenants.length] as TestTenant
  const unitOf = ({ id: tenantId }: TestTenant) => ({ tenantId, actor: operator, readOnly: false, asOperator: false })

  /** On a session of its own, which may be any of the server's. */
  async function outside(sql: string, through = bouncer): Promise<unknown[]> {
    const client = new pg.Client(through.through(installation.testDatabase.urls.tenantry_app))
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  async function startOther(settings: Record<string, string> = {}): Promise<PgBouncer> {
    const other = await startPgBouncer(program ?? '', installation.testDatabase, settings)
    onTestFinished(() => other.stop())
    return other
  }

  async function openThrough({ through }: PgBouncer, options: Partial<DatabaseOptions>) {
    const { urls, signingKey } = installation.testDatabase
    const database = await openDatabase({
      appUrl: through(urls.tenantry_app),
      platformUrl: through(urls.tenantry_platform),
      entities,
      signingKey,
      poolSize: 4,
      statementTimeoutMilliseconds: 15_000,
      ...options,
    })
    onTestFinished(() => database.close())
    return database
  }

  const endings: ((em: EntityManager) => Promise<unknown>)[] = [
    async () => undefined,
    async () => {
      throw new Error('expected')
    },
    (em) => em.execute('select 1 / 0'),
  ]

  test('hundreds of units of many tenants at once, over few connections, each see their own tenant only', async ({
    annotate,
  }) => {
    const pids = new Set<number>()
    const wrong: unknown[] = []
    async function once(round: number) {
      const tenant = tenantOf(round)
      const unit = { ...unitOf(tenant), readOnly: round % 2 === 0 }
      const seen: (string | null | undefined)[] = []
      const work = async (em: EntityManager) => {
        const [session] = await em.execute<{ pid: number; tenant: string }[]>(
          'select pg_backend_pid() as pid, tenancy.current_tenant() as tenant',
        )
        pids.add(session?.pid ?? 0)
        const found = await em.find(Tenant, {}, { disableIdentityMap: true })
        const raw = await em.execute<{ id: string }[]>('select id from tenantry.tenants')
        seen.push(session?.tenant, ...[...found, ...raw].map(({ id }) => id))
        await endings[round % endings.length]?.(em)
      }
      await installation.database.tenantUnit(unit, work).catch((error: Error) => {
        if (!/^expected$|division by zero/.test(error.message)) wrong.push(error)
      })
      if (seen.length !== 3 || seen.some((id) => id !== tenant.id)) wrong.push({ tenant: tenant.id, seen })
    }
    await Promise.all(
      Array.from({ length: inFlight }, async (_, worker) => {
        for (let round = 0; round < roundsEach; round++) await once(worker * 7 + round)
      }),
    )
    expect(wrong).toEqual([])
    expect(pids.size).toBeGreaterThan(1)
    expect(pids.size).toBeLessThanOrEqual(serverConnections)
    await annotate(`${inFlight * roundsEach} units of ${tenants.length} tenants over ${pids.size} connections`)
  })

  test('operations of many tenants at once count and change what is theirs, exactly', async () => {
    const each = 5
    const callers = tenants.map(({ slug }) => installation.callerAs({ type: 'service', name: 'load' }, slug))
    await Promise.all(
      callers.flatMap((caller, index) =>
        Array.from({ length: each }, (_, place) =>
          caller.usage.track({ tenantId: 'current', metric: 'tokens', amount: index + 1, idempotencyKey: `${place}` }),
        ),
      ),
    )
    const usage = await Promise.all(callers.map((caller) => caller.tenants.usage()))
    expect(usage.map(({ tokensUsed }) => tokensUsed)).toEqual(tenants.map((_, index) => (index + 1) * each))
    await Promise.all(
      callers.map((caller, index) => caller.tenants.update({ tenantId: 'current', name: `Name ${index}` })),
    )
    const names = await Promise.all(callers.map(async (caller) => (await caller.tenants.info()).name))
    expect(names).toEqual(tenants.map((_, index) => `Name ${index}`))
  })

  test('a context is gone with its transaction, however that ended', async () => {
    for (const end of endings) {
      await Promise.all(
        tenants.map((tenant) =>
          installation.database
            .tenantUnit(unitOf(tenant), async (em) => {
              await em.execute('select 1')
              await end(em)
            })
            .catch(() => undefined),
        ),
      )
      const left = await Promise.all(
        Array.from({ length: 3 * serverConnections }, () =>
          outside(`select nullif(current_setting('tenancy.tenant_context', true), '') as token,
                          tenancy.current_tenant() as tenant, (select count(*)::int from tenantry.tenants) as rows`),
        ),
      )
      for (const rows of left) expect(rows).toEqual([{ token: null, tenant: null, rows: 0 }])
    }
  })

  const poisons = [
    'set search_path = pg_temp, public',
    'set row_security = off',
    'set standard_conforming_strings = off',
    `set timezone = 'Asia/Tokyo'; set datestyle = 'German'; set bytea_output = 'escape'`,
    'set statement_timeout = 1',
    'set role none',
    'prepare left_behind as select 1',
    'declare left_open cursor with hold for select 1',
    'commit; set row_security = off; set search_path = public; begin',
    `commit; set standard_conforming_strings = off; set timezone = 'Asia/Tokyo'`,
    'commit',
    'rollback',
  ]

  const settingNames = [
    'search_path',
    'row_security',
    'standard_conforming_strings',
    'timezone',
    'datestyle',
    'bytea_output',
    'statement_timeout',
  ]
  const stateSql = `
    select ${settingNames.map((name) => `current_setting('${name}') as ${name}`).join(', ')}, current_user as "user",
           (select count(*)::int from pg_cursors where name <> '') as cursors,
           (select count(*)::int from pg_prepared_statements) as statements`

  async function stateOf(em: EntityManager) {
    const [state] = await em.execute<Record<string, unknown>[]>(stateSql)
    return state
  }

  test.each([
    ['as it is documented', {}],
    ['though PgBouncer resets no session', { server_reset_query_always: '0' }],
  ])('what SQL in one tenant’s unit does to its session reaches no unit of another, %s', async (_, settings) => {
    const database = await openThrough(await startOther({ ...settings, default_pool_size: '2' }), {
      pooler: 'pgbouncer',
      poolSize: 20,
    })
    const [attacker, ...others] = tenants.slice(0, 7) as [TestTenant, ...TestTenant[]]
    const clean = await database.tenantUnit(unitOf(attacker), stateOf)
    for (const poison of poisons) {
      const attack = () => database.tenantUnit(unitOf(attacker), (em) => em.execute(poison)).catch(() => undefined)
      await Promise.all([attack(), attack(), attack(), attack()])
      const look = async (em: EntityManager) => {
        const seen = await em.execute<{ id: string }[]>('select id from tenantry.tenants')
        return { ...(await stateOf(em)), tenants: seen.map(({ id }) => id) }
      }
      const states = await Promise.all(others.map((tenant) => database.tenantUnit(unitOf(tenant), look)))
      expect(states, poison).toEqual(others.map(({ id }) => ({ ...clean, tenants: [id] })))
    }
  })

  test('nor does what another client left in a session that PgBouncer does not reset', async () => {
    const other = await startOther({ default_pool_size: '1', server_reset_query_always: '0' })
    const database = await openThrough(other, { pooler: 'pgbouncer' })
    const [tenant] = tenants as [TestTenant]
    const clean = await database.tenantUnit(unitOf(tenant), stateOf)
    const left = `set search_path = pg_temp, public; set row_security = off; set standard_conforming_strings = off;
      set timezone = 'Asia/Tokyo'; set datestyle = 'German'; set bytea_output = 'escape'`
    const isLeft = async () => (await outside('show bytea_output', other))[0]
    for (const work of [
      () => database.tenantUnit(unitOf(tenant), stateOf),
      async () => (await database.userRead(operator.id, { text: stateSql }))[0],
    ]) {
      await outside(left, other)
      expect(await isLeft()).toEqual({ bytea_output: 'escape' })
      expect(await work()).toEqual(clean)
    }
  })

  test('settings that the role was altered to do not reach a transaction', async () => {
    const admin = new pg.Client(installation.testDatabase.adminUrl)
    await admin.connect()
    const alter = `alter role tenantry_app in database ${installation.testDatabase.name}`
    for (const setting of ['row_security = off', 'standard_conforming_strings = off', `timezone = 'Asia/Tokyo'`]) {
      await admin.query(`${alter} set ${setting}`)
    }
    const [tenant] = tenants as [TestTenant]
    const clean = await installation.database.tenantUnit(unitOf(tenant), stateOf)
    const database = await openThrough(await startOther(), { pooler: 'pgbouncer' })
    const altered = await database.tenantUnit(unitOf(tenant), stateOf)
    await admin.query(`${alter} reset all`)
    await admin.end()
    expect(altered).toEqual(clean)
  })

  test('the isolation report passes through it too', async () => {
    const report = await installation.callerAs(operator).platform.isolation()
    expect(report.checks.filter(({ outcome }) => outcome === 'fail' || outcome === 'warning')).toEqual([])
  })

  test('without being told of, it serves nobody: what sessions are started with is refused', async () => {
    const database = await openThrough(await startOther(), {})
    const unit = database.tenantUnit(unitOf(tenantOf(0)), (em) => em.find(Tenant, {}))
    await expect(unit).rejects.toThrow(/unsupported startup parameter/)
  })

  test('nor where it was told to ignore what sessions are started with', async () => {
    const ignore_startup_parameters = 'options,statement_timeout,idle_in_transaction_session_timeout'
    const database = await openThrough(await startOther({ ignore_startup_parameters }), {})
    const unit = unitOf(tenantOf(0))
    for (const attempt of [
      () => database.tenantUnit(unit, (em) => em.find(Tenant, {})),
      () => database.userRead(operator.id, { text: 'select 1' }),
      () => database.appliedMigrations(),
    ]) {
      await expect(attempt()).rejects.toThrow(/A pooler stands before PostgreSQL .* DATABASE_POOLER=pgbouncer/)
    }
  })
})
