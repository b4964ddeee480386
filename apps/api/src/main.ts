import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { seedDemo } from '@tenantry/control-plane/seeds'
import { type AppState, createApp } from './app.ts'
import { banner } from './banner.ts'
import { ConfigurationError, readConfig } from './config.ts'
import { openInstallation } from './dependencies.ts'

/** A request under way may take this long once the process was told to end. */
const drainMilliseconds = 1_000

async function main(): Promise<void> {
  const config = readConfig()
  const installation = await openInstallation(config)
  if (config.embedded) await seedDemo(installation.dependencies)

  const state: AppState = { draining: false }
  const server = createServer(createApp(config, installation, state))
  await listen(server, config.PORT, config.HOST)
  const stop = once(async () => {
    state.draining = true
    await drain(server)
    await installation.close()
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
  const { port } = server.address() as AddressInfo
  process.stdout.write(banner(config, port))
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

async function drain(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  const deadline = setTimeout(() => server.closeAllConnections(), drainMilliseconds)
  await closed
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
  const expected = error instanceof ConfigurationError || (error instanceof Error && error.name === 'CatalogueError')
  process.stderr.write(`${expected ? (error as Error).message : (error as Error).stack}\n`)
  process.exit(1)
})
