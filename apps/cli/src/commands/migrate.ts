import type { Migrated } from '@tenantry/installation/migrate'
import type { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
import { readMigrateVariables } from '../config.ts'
import { withInstallation } from '../installation.ts'

export const migrateCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'migrate',
    {
      description:
        'Bring the database up to date, and make the keys of CONTEXT_SIGNING_KEYS the valid ones. With DATABASE_URL it needs MIGRATION_DATABASE_URL and JOBS_DATABASE_URL too; without, it makes the embedded database where there is none. With --json: `migrated`, the names of the migrations that ran, and `signingKeys`, the ids of the valid keys.',
      examples: [
        ['migrate', 'safe to repeat, and in several places at once'],
        ['migrate --json', 'the migrations that ran, and the valid keys by id'],
      ],
    },
    async () => {
      const { migratedLines } = await import('@tenantry/installation/migrate')
      const done = await migrate(surroundings.environment)
      return { text: migratedLines(done).join('\n'), data: done }
    },
  )

async function migrate(environment: NodeJS.ProcessEnv): Promise<Migrated> {
  if (environment.DATABASE_URL || environment.MIGRATION_DATABASE_URL) {
    const { migrateExternal } = await import('@tenantry/installation/migrate')
    return migrateExternal(await readMigrateVariables(environment))
  }
  return withInstallation(
    environment,
    async ({ storage }) => {
      const { listAcceptedKeys } = await import('@tenantry/kernel/tenancy/migrate')
      // One that is being replaced is valid until its time is over.
      const accepted = storage.ownerUrl === null ? [storage.signingKey()] : await listAcceptedKeys(storage.ownerUrl)
      return { migrated: storage.migrated, signingKeys: accepted.map(({ kid }) => kid) }
    },
    { prepare: true },
  )
}
