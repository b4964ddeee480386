import { Migration, Migrator } from '@mikro-orm/migrations'
import { MikroORM, type Options } from '@mikro-orm/postgresql'
import pg from 'pg'
import { contextFunctionsSql } from './context-functions.ts'
import { productSchema } from './roles.ts'
import type { AcceptedKey, SigningKey } from './signed-context.ts'

export interface SqlMigration {
  name: string
  sql: string
}

/** The migrator makes its table before it runs anything. */
const lockMigrationsSql = /* sql */ `
alter table tenancy.migrations enable row level security;
alter table tenancy.migrations force row level security;
create policy owner_only on tenancy.migrations to tenantry_owner using (true) with check (true);

create function tenancy.applied_migrations() returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select m.name::text from tenancy.migrations m;
end;
revoke all on function tenancy.applied_migrations() from public;
grant execute on function tenancy.applied_migrations() to tenantry_app;
`

/** What every installation begins with: the functions that policies stand on. */
export const tenancyMigration: SqlMigration = {
  name: '20261121000000_tenancy',
  sql: `${contextFunctionsSql}${lockMigrationsSql}`,
}

export interface MigrationTarget {
  /** URL of `tenantry_owner`. */
  ownerUrl: string
  entities: Options['entities']
  migrations: readonly SqlMigration[]
}

/** Runs what is pending, each migration in one transaction with the others; returns the names of those that ran. */
export async function runMigrations(target: MigrationTarget): Promise<string[]> {
  return withOwner(target, async (orm) => (await orm.migrator.up()).map(({ name }) => name))
}

/**
 * The statements that would bring the database to what the entities declare; none when they agree. Foreign keys
 * (`…_fk`) are the migrations' own, since entities name other tables by id only.
 */
export async function schemaDrift(target: MigrationTarget): Promise<string[]> {
  const sql = await withOwner(target, (orm) => orm.schema.getUpdateSchemaSQL({ wrap: false }))
  return sql.split('\n').filter((line) => line.trim() !== '' && !/drop constraint "\w+_fk";$/.test(line))
}

/**
 * Makes the keys of the list the only valid ones. To rotate, name the new key beside the old one, sign with it
 * everywhere, then leave the old one out. Throws if a key is known by another secret, or if there are more than two.
 */
export async function installSigningKeys(ownerUrl: string, keys: readonly AcceptedKey[]): Promise<void> {
  if (keys.length === 0) throw new Error('At least one signing key must stay valid')
  if (keys.length > 2)
    throw new Error('At most two signing keys are valid at a time: the one that signs, and the one before')
  const client = new pg.Client(ownerUrl)
  await client.connect()
  try {
    await client.query('begin')
    await client.query('lock table tenancy.signing_keys in share row exclusive mode')
    for (const key of keys) await installSigningKey(client, key)
    await client.query(
      `update tenancy.signing_keys set retires_at = clock_timestamp()
        where (retires_at is null or retires_at > clock_timestamp()) and kid <> all ($1)`,
      [keys.map(({ kid }) => kid)],
    )
    await client.query('commit')
  } finally {
    await client.end()
  }
}

/** What the database accepts now. Secret: for the owner's tools alone. */
export async function listAcceptedKeys(ownerUrl: string): Promise<SigningKey[]> {
  const client = new pg.Client(ownerUrl)
  await client.connect()
  try {
    const sql = `select kid, secret from tenancy.signing_keys
                  where retires_at is null or retires_at > clock_timestamp() order by created_at, kid`
    return (await client.query<SigningKey>(sql)).rows
  } finally {
    await client.end()
  }
}

async function installSigningKey(client: pg.Client, { kid, secret, retiresAt }: AcceptedKey): Promise<void> {
  const { rowCount } = await client.query(
    `insert into tenancy.signing_keys as known (kid, secret, retires_at) values ($1, $2, $3)
      on conflict (kid) do update set retires_at = excluded.retires_at where known.secret = excluded.secret`,
    [kid, secret, retiresAt],
  )
  if (rowCount === 0)
    throw new Error(`The signing key "${kid}" is known by another secret: give the new one another id`)
}

async function withOwner<Result>(target: MigrationTarget, work: (orm: MikroORM) => Promise<Result>): Promise<Result> {
  // The option types know no migration that is made from SQL text.
  const orm = await MikroORM.init({
    clientUrl: target.ownerUrl,
    entities: target.entities ?? [],
    schema: productSchema,
    debug: false,
    logger: () => undefined,
    extensions: [Migrator],
    pool: { min: 0, max: 2 },
    // Functions are the migrations' own; the diff would drop them.
    schemaGenerator: {
      createForeignKeyConstraints: false,
      ignoreRoutines: true,
      ignoreTriggers: true,
      ignoreSchema: ['tenancy', 'directory', 'metering', 'hierarchy', 'lifecycle', 'pgboss'],
    },
    migrations: {
      tableName: 'migrations',
      schema: 'tenancy',
      snapshot: false,
      transactional: true,
      allOrNothing: true,
      migrationsList: target.migrations.map(({ name, sql }) => ({ name, class: migrationClass(sql) })),
    },
  } as unknown as Options)
  try {
    return await work(orm)
  } finally {
    await orm.close(true)
  }
}

function migrationClass(sql: string): new (...args: never[]) => Migration {
  return class extends Migration {
    override up(): void {
      this.addSql(sql)
    }
  } as never
}
