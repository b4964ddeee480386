import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { findMissingPlans } from '@tenantry/control-plane/dependencies'
import { version } from '@tenantry/control-plane/version'
import { ConfigurationError } from '@tenantry/installation/environment'
import { loadEnvironmentFile } from '@tenantry/installation/environment-file'
import { explainFailure } from '@tenantry/installation/failure'
import { isContextAccepted } from '@tenantry/kernel/tenancy/context-check'
import { type AppState, createApp } from './app.ts'
import { announceCatalogue, reloadCatalogue } from './catalogue-reload.ts'
import { type Config, readConfig } from './config.ts'
import { type Installation, openInstallation } from './dependencies.ts'
import { createHttpServer, drain, listen } from './http-server.ts'

export interface ServiceOptions {
  production: boolean
  /** Runs before the first request is taken. */
  prepare?(installation: Installation, config: Config): Promise<void>
  /** Says that the service is there; a log line, if nothing else is said. */
  announce?(config: Config, port: number): void
}

/** Runs until a signal ends the process: with 0 once it has drained, with 1 where it could not start or stop. */
export async function runService(options: ServiceOptions): Promise<void> {
  // Nothing is open yet: ending the process is all there is to do, and takes a starting database server along.
  let stop = async (): Promise<void> => undefined
  let reload = async (): Promise<void> => undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
  // Whoever closes the terminal of a development service means to end it.
  if (options.production) process.on('SIGHUP', () => void reload())
  try {
    loadEnvironmentFile()
    const config = readConfig(undefined, options)
    const installation = await openInstallation(config)
    stop = await closingOnFailure(installation, () => serve(config, installation, options))
    reload = () => reloadCatalogue(installation.dependencies)
  } catch (error) {
    process.stderr.write(`${explainFailure(error)}\n`)
    process.exit(1)
  }
}

/** Whatever closing then fails with hides nothing of why it came to that. */
export async function closingOnFailure<Result>(
  { close }: Pick<Installation, 'close'>,
  start: () => Promise<Result>,
): Promise<Result> {
  try {
    return await start()
  } catch (error) {
    await close().catch(() => undefined)
    throw error
  }
}

/** Answers how to stop: drains, then closes everything. May be called repeatedly. */
async function serve(
  config: Config,
  installation: Installation,
  { prepare, announce }: ServiceOptions,
): Promise<() => Promise<void>> {
  const { logger } = installation.dependencies
  await refuseUnknownKey(installation)
  // The pool that serves: a wrong password there must not wait for the first request.
  await installation.database.appliedMigrations()
  await prepare?.(installation, config)
  await warnOfMissingPlans(installation)
  await announceCatalogue(installation.dependencies)
  const state: AppState = { draining: false }
  const server = createHttpServer(createApp(config, installation, state))
  await listen(server, config.PORT, config.HOST)
  const { address, port } = server.address() as AddressInfo
  if (announce) announce(config, port)
  else logger.info({ version, address, port, platformAccess: config.PLATFORM_ACCESS }, 'listening')
  return once(async () => {
    state.draining = true
    logger[config.production ? 'info' : 'debug']('draining')
    // Balancers see that it is not ready, and send elsewhere, before it takes no more.
    await delay(config.DRAIN_DELAY_MS)
    // They would never end by themselves; their callers connect again, to another process.
    installation.dependencies.services.eventStreams.end()
    const complete = await drain(server, config.DRAIN_TIMEOUT_MS)
    if (!complete) logger.warn('requests did not end in time and were cut short')
    await installation.close()
  })
}

async function refuseUnknownKey({ database }: Installation): Promise<void> {
  if (await isContextAccepted(database)) return
  throw new ConfigurationError(
    'The database does not know the first of CONTEXT_SIGNING_KEYS. Run pnpm migrate with it first.',
  )
}

/** A typo in an operator's catalogue must not take limits and features away without a word. */
async function warnOfMissingPlans({ dependencies }: Installation): Promise<void> {
  const plans = await findMissingPlans(dependencies)
  if (plans.length === 0) return
  dependencies.logger.error(
    { plans },
    'tenants have plans that the catalogue lacks; they are served as the lowest plan',
  )
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= work()
    return running
  }
}
