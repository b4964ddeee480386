import { type Migrated, migratedLines, migrateExternal } from '@tenantry/installation/migrate'
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
        'Bring the database up to date, and make the keys of CONTEXT_SIGNING_KEYS the valid ones. With DATABASE_URL it needs MIGRATION_DATABASE_URL and JOBS_DATABASE_URL too; without, it makes the embedded database where there is none.',
      examples: [
        ['migrate', 'safe to repeat, and in several places at once'],
        ['migrate --json', 'the migrations that ran, and the valid keys by id'],
      ],
    },
    async () => {
      const done = await migrate(surroundings.environment)
      return { text: migratedLines(done).join('\n'), data: done }
    },
  )

async function migrate(environment: NodeJS.ProcessEnv): Promise<Migrated> {
  if (environment.DATABASE_URL || environment.MIGRATION_DATABASE_URL) {
    return migrateExternal(readMigrateVariables(environment))
  }
  return withInstallation(
    environment,
    async ({ storage }) => ({ migrated: storage.migrated, signingKeys: [storage.signingKey().kid] }),
    { prepare: true },
  )
}
