import { migrate } from '@tenantry/control-plane/migrate'
import { readCommandConfig } from './config.ts'
import { runCommand } from './run-command.ts'

await runCommand(async () => {
  const variables = readCommandConfig('migrate')
  const signingKeys = variables.CONTEXT_SIGNING_KEYS.map(({ id, key }) => ({ kid: id, secret: key }))
  const ran = await migrate({
    ownerUrl: variables.MIGRATION_DATABASE_URL,
    jobsUrl: variables.JOBS_DATABASE_URL,
    signingKeys,
  })
  return [
    ...(ran.length === 0 ? ['Nothing to migrate.'] : ran.map((name) => `Migrated ${name}.`)),
    `Signing keys that are valid from now on: ${signingKeys.map(({ kid }) => kid).join(', ')}.`,
    'The job queue is in place.',
  ]
})
