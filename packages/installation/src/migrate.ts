import { migrate } from '@tenantry/control-plane/migrate'
import type { CommandVariables } from './environment.ts'

export interface Migrated {
  /** The migrations that ran. */
  migrated: string[]
  /** Ids of the signing keys that are valid from now on. */
  signingKeys: string[]
}

/** Brings the database that the environment names up to date. */
export async function migrateExternal(variables: CommandVariables<'migrate'>): Promise<Migrated> {
  const signingKeys = variables.CONTEXT_SIGNING_KEYS.map(({ id, key }) => ({ kid: id, secret: key }))
  const migrated = await migrate({
    ownerUrl: variables.MIGRATION_DATABASE_URL,
    jobsUrl: variables.JOBS_DATABASE_URL,
    signingKeys,
  })
  return { migrated, signingKeys: signingKeys.map(({ kid }) => kid) }
}

export const migratedLines = ({ migrated, signingKeys }: Migrated): string[] => [
  ...(migrated.length === 0 ? ['Nothing to migrate.'] : migrated.map((name) => `Migrated ${name}.`)),
  `Signing keys that are valid from now on: ${signingKeys.join(', ')}.`,
  'The job queue is in place.',
]
