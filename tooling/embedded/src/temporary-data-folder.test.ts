import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readServerPid, spawnInstance, useDataFolder } from './data-folder.fixture.ts'
import { isServing } from './running-server.ts'
import { removeAbandonedDataFolders } from './temporary-data-folder.ts'

test('the folder and the server of a killed process are removed, those of a living one stay', async () => {
  const living = await useDataFolder()
  const { dataFolder, ended, pid } = await spawnInstance(null)
  const server = await readServerPid(dataFolder)
  process.kill(pid, 'SIGKILL')
  await ended

  await removeAbandonedDataFolders()

  expect(existsSync(dataFolder)).toBe(false)
  expect(await isServing(server, join(dataFolder, 'postgres'))).toBe(false)
  expect(existsSync(living)).toBe(true)
})
