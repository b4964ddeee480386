import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { findMissingPlans } from '@tenantry/control-plane/dependencies'
import { seedDemo } from '@tenantry/control-plane/seeds'
import { type AppState, createApp } from './app.ts'
import { banner } from './banner.ts'
import { type Config, loadEnvironmentFile, readConfig } from './config.ts'
import { type Installation, openInstallation } from './dependencies.ts'
import { explainFailure, listenFailure } from './start-failure.ts'

/** A request under way may take this long once the process was told to end. */
const drainMilliseconds = 1_000
const idleSweepMilliseconds = 50

async function main(): Promise<void> {
  // Nothing is open yet: ending the process is all there is to do, and takes a starting database server along.
  let stop = async (): Promise<void> => undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
  loadEnvironmentFile()
  const config = readConfig()
  const installation = await openInstallation(config)
  try {
    stop = await serve(config, installation)
  } catch (error) {
    await installation.close()
    throw error
  }
}

/** Answers how to stop: drains, then closes everything. May be called repeatedly. */
async function serve(config: Config, installation: Installation): Promise<() => Promise<void>> {
  if (config.embedded) await seedDemo(installation.dependencies)
  await warnOfMissingPlans(installation)
  const state: AppState = { draining: false }
  const server = createServer(createApp(config, installation, state))
  await listen(server, config)
  process.stdout.write(banner(config, (server.address() as AddressInfo).port))
  return once(async () => {
    state.draining = true
    await drain(server)
    await installation.close()
  })
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

function listen(server: Server, { PORT: port, HOST: host }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => reject(listenFailure(error, port, host))
    server.once('error', refuse)
    server.listen(port, host, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}

async function drain(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  // A connection kept alive falls idle only once its answer is out.
  const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMilliseconds)
  const deadline = setTimeout(() => server.closeAllConnections(), drainMilliseconds)
  await closed
  clearInterval(sweep)
  clearTimeout(deadline)
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= work()
    return running
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${explainFailure(error)}\n`)
  process.exit(1)
})
