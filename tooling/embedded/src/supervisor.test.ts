import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openCluster } from './cluster.ts'
import { readServerPid, useDataFolder, useEmbedded } from './data-folder.fixture.ts'
import { superviseServer } from './supervisor.ts'

test('a server that cannot be restarted is given up after the allowed failures, and can still be stopped', async () => {
  const folder = await useDataFolder()
  const { port, stop: stopFirst } = await useEmbedded(folder, { durable: false })
  await stopFirst()
  const givenUp = Promise.withResolvers<string>()
  const lines: string[] = []
  const stop = await superviseServer({
    cluster: await openCluster(folder, false, () => undefined),
    settings: { port, maxConnections: 20 },
    policy: { delaysMilliseconds: [1], failures: 3, windowMilliseconds: 60_000 },
    logger: (line) => (line.includes('stays down') ? givenUp.resolve(line) : lines.push(line)),
    onRestart: () => givenUp.reject(new Error('it was restarted')),
  })
  onTestFinished(stop)

  await rm(join(folder, 'postgres', 'global', 'pg_control'))
  process.kill(await readServerPid(folder), 'SIGKILL')

  expect(await givenUp.promise).toBe(
    'PostgreSQL failed more than 3 times in 60 s and stays down. Find the cause above and start again.',
  )
  expect(lines.filter((line) => line.includes('could not be restarted'))).toHaveLength(3)
  await stop()
})
