import type { EntityManager } from '@mikro-orm/postgresql'
import { MikroORM, type Options } from '@mikro-orm/postgresql'
import type { Actor } from '../context/actor.ts'
import type { Database, RehearsedContext, Statement, TenantQuery, TenantRead } from '../context/dependencies.ts'
import { type Binding, operatorBinding, rehearsed, settingOf, tenantBinding, tenantBindings } from './bindings.ts'
import { bindFunction, bindStatement, ForgettingClient } from './connection.ts'
import { holdName, openNamePool } from './held-name.ts'
import { holdOne } from './one-connection.ts'
import { type Pooler, sessionStart, transactionSettings } from './pinned-settings.ts'
import { rehearseIn } from './rehearsal.ts'
import { productSchema } from './roles.ts'
import { type SigningKey, signContext } from './signed-context.ts'
import { openSignedWriter } from './signed-write.ts'
import { tenantGuard } from './tenant-guard.ts'

export interface DatabaseOptions {
  /** URL of `tenantry_app`. */
  appUrl: string
  /** URL of `tenantry_platform`. */
  platformUrl: string
  entities: Options['entities']
  /** A function where it changes while the pools are open: it is asked for every context. */
  signingKey: SigningKey | (() => SigningKey)
  poolSize: number
  statementTimeoutMilliseconds: number
  /** After which a connection that nobody needs is closed; 0: never. Half a minute unless told. */
  idleTimeoutMilliseconds?: number
  /** After which a connection is replaced; 0: never. Half an hour unless told. */
  lifetimeMilliseconds?: number
  /** What stands between, `none` unless told. */
  pooler?: Pooler
  /** Throws where work that holds a connection of a pool asks for another one of it. */
  refuseSecondConnection?: boolean
}

export interface OpenDatabase extends Database {
  /** The names of the migrations that the database has; throws where the application role cannot be served. */
  appliedMigrations(): Promise<string[]>
  close(): Promise<void>
}

interface NativePool {
  totalCount: number
  idleCount: number
  waitingCount: number
  connect(): Promise<ForgettingClient & { release(broken?: boolean): void }>
}

interface Pool {
  orm: MikroORM
  /** Undefined before the first connection. */
  opened(): NativePool | undefined
  native(): Promise<NativePool>
}

interface Unit {
  orm: MikroORM
  bindings: Binding[]
  /** The tenant of level one; null where the unit spans tenants by design. */
  tenantId: string | null
  readOnly: boolean
}

type CompiledQuery = ReturnType<ReturnType<ReturnType<EntityManager['getKysely']>['selectNoFrom']>['compile']>

/** Opens the two pools. Nothing connects before the first unit of work. */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  const appPool = await openPool(options, options.appUrl)
  const app = appPool.orm
  const platformPool = await openPool(options, options.platformUrl)
  const platform = platformPool.orm
  const names = openNamePool({ connectionString: options.appUrl, ...idling(options), ...sessionOptions(options) })
  const writer = openWriter(options)
  const run = <Result>(unit: Unit, work: (em: EntityManager) => Promise<Result>) => runUnit(options, unit, work)

  return {
    tenantRead: async <Row>(
      { tenantId, asOperator }: TenantRead,
      { text }: TenantQuery<Row>,
      values: readonly unknown[] = [],
    ) => {
      const pool = asOperator ? platformPool : appPool
      const bindings: Binding[] = [tenantBinding(tenantId)]
      return (await readAlone(options, pool, bindings, { text, values: [tenantId, ...values] })) as Row[]
    },
    userRead: async <Row>(userId: string, statement: Statement) =>
      (await readAlone(options, appPool, [{ purpose: 'user', value: userId }], statement)) as Row[],
    platformRead: async <Row>(actor: Actor, statement: Statement) =>
      (await readAlone(options, platformPool, [operatorBinding(actor)], statement)) as Row[],
    identityRead: async <Row>(digest: string, statement: Statement) =>
      (await readAlone(options, appPool, [{ purpose: 'identity', value: digest }], statement)) as Row[],
    tenantUnit: async ({ tenantId, actor, readOnly, asOperator = actor.type === 'platformAdmin' }, work) => {
      const bindings = tenantBindings({ tenantId, actor })
      return run({ orm: asOperator ? platform : app, bindings, tenantId, readOnly }, work)
    },
    inTenant: async (em, { tenantId, actor, spansTenants }, work) => {
      const { tenantId: own } = em.getFilterParams('tenant') as { tenantId: string | null }
      if ((own === null) !== spansTenants) throw new Error('Only tenant and platform units of work go on in a tenant')
      const spanning = spansTenants ? [operatorBinding(actor)] : []
      await rebind(em, options, { tenantId, bindings: [...spanning, ...tenantBindings({ tenantId, actor })] })
      const result = await work()
      // Where the work has failed, so has the transaction: nothing is done in it any more.
      const bindings = own === null ? spanning : tenantBindings({ tenantId: own, actor })
      await rebind(em, options, { tenantId: own, bindings })
      return result
    },
    userUnit: ({ userId, readOnly }, work) =>
      run({ orm: app, bindings: [{ purpose: 'user', value: userId }], tenantId: null, readOnly }, work),
    identityUnit: (digest, work) =>
      run({ orm: app, bindings: [{ purpose: 'identity', value: digest }], tenantId: null, readOnly: false }, work),
    platformUnit: async ({ actor, readOnly, tenantId = null }, work) => {
      const bindings: Binding[] = [operatorBinding(actor)]
      if (tenantId !== null) bindings.push(tenantBinding(tenantId))
      return run({ orm: platform, bindings, tenantId: null, readOnly }, work)
    },
    writeSigned: writer.write,
    signValues: writer.sign,
    exclusively: (name, work) => holdName(names, name, work),
    rehearse: async (serving, work) => {
      const pool = serving === 'users' ? appPool : platformPool
      const bindingOf = (context: RehearsedContext) => bindStatement(contextSettings(options, rehearsed(context)))
      return alone(options, pool.orm, async () => rehearseIn(await (await pool.native()).connect(), bindingOf, work))
    },
    appliedMigrations: async () => {
      const connection = app.em.getConnection()
      const rows = await connection.execute<{ name: string }[]>('select tenancy.applied_migrations() as name')
      return rows.map(({ name }) => name)
    },
    pool: () => {
      const { totalCount = 0, idleCount = 0, waitingCount = 0 } = appPool.opened() ?? {}
      return { total: totalCount, idle: idleCount, waiting: waitingCount, size: options.poolSize }
    },
    close: async () => {
      await Promise.all([app.close(true), platform.close(true), names.end(), writer.close()])
    },
  }
}

/** What is waiting to be written belongs to the tenant until now. */
async function rebind(
  em: EntityManager,
  options: DatabaseOptions,
  { tenantId, bindings }: Pick<Unit, 'tenantId' | 'bindings'>,
): Promise<void> {
  await em.flush()
  em.setFilterParams('tenant', { tenantId })
  await bindContext(em, options, bindings)
}

async function runUnit<Result>(
  options: DatabaseOptions,
  unit: Unit,
  work: (em: EntityManager) => Promise<Result>,
): Promise<Result> {
  // Where one unit runs inside another, it must not become part of that: its connection, its role and its tenant are others.
  const fork = unit.orm.em.fork({ disableContextResolution: true })
  fork.setFilterParams('tenant', { tenantId: unit.tenantId })
  const transaction = async (em: EntityManager) => {
    await bindContext(em, options, unit.bindings)
    return work(em)
  }
  return alone(options, unit.orm, () =>
    fork.transactional((em) => transaction(em as EntityManager), { readOnly: unit.readOnly }),
  )
}

const alone = <Result>(
  { refuseSecondConnection }: DatabaseOptions,
  orm: MikroORM,
  work: () => Promise<Result>,
): Promise<Result> => (refuseSecondConnection ? holdOne(orm, work) : work())

/**
 * Every setting is bound in every transaction, the unused ones to nothing, so that what a session was left with never
 * counts. Kysely sends bound parameters; the ORM itself would write the token into the SQL text.
 */
async function bindContext(em: EntityManager, options: DatabaseOptions, bindings: Binding[]): Promise<void> {
  const kysely = em.getKysely()
  // Compiled once; the driver sends it ahead of the first statement.
  binding ??= kysely.selectNoFrom(({ fn, val }) => [fn(bindFunction, [val('')]).as('settings')]).compile()
  const { text: sql, values } = bindStatement(contextSettings(options, bindings))
  await kysely.executeQuery({ ...binding, sql, parameters: values })
}

let binding: CompiledQuery | undefined

function contextSettings(options: DatabaseOptions, bindings: Binding[]): Record<string, string> {
  const settings: Record<string, string> = {
    ...transactionSettings(options),
    'tenancy.tenant_context': '',
    'tenancy.user_context': '',
    'tenancy.platform_context': '',
  }
  const key = currentKey(options)
  for (const { purpose, value } of bindings) settings[settingOf[purpose]] = signContext(key, purpose, value)
  return settings
}

/** Nobody waits long for what is to be counted. */
const openWriter = (options: DatabaseOptions) =>
  openSignedWriter(
    { connectionString: options.appUrl, ...idling(options), ...sessionOptions(options) },
    { signingKey: () => currentKey(options), settings: { ...transactionSettings(options), lock_timeout: '1000' } },
  )

const currentKey = ({ signingKey }: DatabaseOptions): SigningKey =>
  typeof signingKey === 'function' ? signingKey() : signingKey

/** One statement as a transaction of its own, in one round trip: no begin, no commit, and nothing to forget. */
async function readAlone(
  options: DatabaseOptions,
  pool: Pool,
  bindings: Binding[],
  statement: Statement,
): Promise<unknown[]> {
  return alone(options, pool.orm, async () => {
    const client = await (await pool.native()).connect()
    try {
      const settings = { ...contextSettings(options, bindings), transaction_read_only: 'on' }
      const { rows } = await client.readAlone(bindStatement(settings), statement)
      client.release()
      return rows
    } catch (error) {
      client.release(true)
      throw error
    }
  })
}

const idling = ({ idleTimeoutMilliseconds = 30_000 }: DatabaseOptions) => ({
  idleTimeoutMillis: idleTimeoutMilliseconds,
})

const sessionOptions = (options: DatabaseOptions) => ({
  Client: ForgettingClient,
  application_name: 'tenantry',
  connectionTimeoutMillis: 5_000,
  maxLifetimeSeconds: (options.lifetimeMilliseconds ?? 1_800_000) / 1_000,
  // The server ends a long statement itself; this is for one whose answer was lost with the network.
  query_timeout: options.statementTimeoutMilliseconds + 2_000,
  ...sessionStart(options),
})

async function openPool(options: DatabaseOptions, url: string): Promise<Pool> {
  let native: NativePool | undefined
  const orm = await MikroORM.init({
    clientUrl: url,
    entities: options.entities ?? [],
    schema: productSchema,
    debug: false,
    subscribers: [tenantGuard],
    pool: { min: 0, max: options.poolSize, ...idling(options) },
    driverOptions: {
      onPoolCreated: (pool: NativePool) => {
        native = pool
      },
      ...sessionOptions(options),
    },
  })
  return {
    orm,
    opened: () => native,
    native: async () => {
      if (!native) await orm.em.getConnection().ensureConnection()
      if (!native) throw new Error('The driver has made no pool')
      return native
    },
  }
}
