import { Migration, Migrator } from '@mikro-orm/migrations'
import { MikroORM, type Options } from '@mikro-orm/postgresql'
import pg from 'pg'
import { contextFunctionsSql } from './context-functions.ts'
import { productSchema } from './roles.ts'
import type { SigningKey } from './signed-context.ts'

export interface SqlMigration {
  name: string
  sql: string
}

/** What every installation begins with: the functions that policies stand on. */
export const tenancyMigration: SqlMigration = {
  name: '20261121000000_tenancy',
  sql: `create extension if not exists pgcrypto with schema tenancy;\n${contextFunctionsSql}`,
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

/** Adds keys that the database does not know yet. Two may be valid at a time, for rotation. */
export async function installSigningKeys(ownerUrl: string, keys: readonly SigningKey[]): Promise<void> {
  const client = new pg.Client(ownerUrl)
  await client.connect()
  try {
    for (const { kid, secret } of keys) {
      await client.query(
        'insert into tenancy.signing_keys (kid, secret) values ($1, $2) on conflict (kid) do nothing',
        [kid, secret],
      )
    }
  } finally {
    await client.end()
  }
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
      ignoreSchema: ['tenancy', 'directory', 'metering', 'pgboss'],
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
