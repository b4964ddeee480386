import { createInternalCaller, type InternalCaller } from '@tenantry/control-plane/caller'
import { type InstallationParts, type OpenOptions, openParts } from '@tenantry/installation/open'
import { createTokenVerifier } from '@tenantry/kernel/authentication/token-verifier'
import type { Actor } from '@tenantry/kernel/context/actor'
import { systemClock } from '@tenantry/kernel/context/clock'
import { createLogger } from '@tenantry/kernel/observability/logger'
import { type Config, readConfig } from './config.ts'

/** As whom the command line acts; every operation's audit entry says so. */
export const cli = { type: 'system', name: 'cli' } as const satisfies Actor

export async function openInstallation<Result>(
  environment: NodeJS.ProcessEnv,
  work: (parts: InstallationParts, config: Config) => Promise<Result>,
  { prepare = false }: Partial<Pick<OpenOptions, 'prepare'>> = {},
): Promise<Result> {
  const config = await readConfig(environment)
  const parts = await openParts(config, {
    prepare,
    join: true,
    publicUrl: config.publicUrl,
    // What a command shows goes to standard output, and nothing else.
    logger: createLogger({ level: config.LOG_LEVEL, destination: process.stderr }),
    // Nobody signs in: the command line says itself who it is.
    authenticator: () => createTokenVerifier({ issuers: [], clock: systemClock }),
  })
  const interrupted = () => {
    void parts.close().finally(() => process.exit(130))
  }
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    // Whatever is wrong with the way to the database is said here, not as the failure of an operation.
    await parts.database.appliedMigrations()
    return await work(parts, config)
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
    await parts.close()
  }
}

/** Operations in this process; the tenant by id, slug or externalId. */
export const callerIn = (
  { dependencies }: InstallationParts,
  tenantId?: string,
  idempotencyKey?: string,
): InternalCaller =>
  createInternalCaller(dependencies, {
    actor: cli,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  })
