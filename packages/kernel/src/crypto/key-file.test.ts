import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { loadOrCreateKeyFile, readKeyFile, replaceKeyFile } from './key-file.ts'

const schema = z.strictObject({ secret: z.string().min(8) })
const create = () => ({ secret: randomBytes(16).toString('hex') })

async function newFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-key-file-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

test('the first start makes the file, the next one reads it', async () => {
  const path = join(await newFolder(), 'data', 'keys.json')
  const made = await loadOrCreateKeyFile(path, create, schema)
  expect(await loadOrCreateKeyFile(path, create, schema)).toEqual(made)
})

test('only its owner may read the file', async () => {
  const path = join(await newFolder(), 'keys.json')
  await loadOrCreateKeyFile(path, create, schema)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('processes that start at once agree on one content and leave no draft behind', async () => {
  const folder = await newFolder()
  const path = join(folder, 'keys.json')
  const all = await Promise.all(Array.from({ length: 16 }, () => loadOrCreateKeyFile(path, create, schema)))
  expect(new Set(all.map(({ secret }) => secret)).size).toBe(1)
  expect(await readdir(folder)).toEqual(['keys.json'])
})

test('a process that was slower takes the file of the faster one', async () => {
  const path = join(await newFolder(), 'keys.json')
  const slow = Promise.withResolvers<{ secret: string }>()
  const later = loadOrCreateKeyFile(path, () => slow.promise, schema)
  const first = await loadOrCreateKeyFile(path, create, schema)
  slow.resolve(create())
  expect(await later).toEqual(first)
  expect(await loadOrCreateKeyFile(path, create, schema)).toEqual(first)
})

test.each([0o640, 0o604, 0o620])('a file open to others is refused: %o', async (mode) => {
  const path = join(await newFolder(), 'keys.json')
  await loadOrCreateKeyFile(path, create, schema)
  await chmod(path, mode)
  await expect(loadOrCreateKeyFile(path, create, schema)).rejects.toThrow(`chmod 600 ${path}`)
})

test.each([
  ['{"secret":"hunter2', 'is not JSON'],
  ['{"secret":"hunter2"}', 'look at: secret'],
  ['{}', 'look at: secret'],
])('a damaged file is refused without a word of its content, and never replaced %#', async (text, message) => {
  const path = join(await newFolder(), 'keys.json')
  await writeFile(path, text, { mode: 0o600 })
  for (const _attempt of [1, 2]) {
    const error: Error = await loadOrCreateKeyFile(path, create, schema).then(
      () => expect.fail('the file was taken'),
      (thrown) => thrown,
    )
    expect(error.message).toContain(message)
    expect(error.message).not.toContain('hunter2')
  }
})

test('a content that its own schema refuses is never written', async () => {
  const folder = await newFolder()
  await expect(loadOrCreateKeyFile(join(folder, 'keys.json'), () => ({ secret: '' }), schema)).rejects.toThrow()
  expect(await readdir(folder)).toEqual([])
})

test('a file is replaced whole: who reads meanwhile gets what was there before, or after', async () => {
  const folder = await newFolder()
  const path = join(folder, 'keys.json')
  const before = await loadOrCreateKeyFile(path, create, schema)
  const after = create()
  const [, ...seen] = await Promise.all([
    replaceKeyFile(path, after, schema),
    ...Array.from({ length: 16 }, () => readKeyFile(path, schema)),
  ])
  for (const secrets of seen) expect([before, after]).toContainEqual(secrets)
  expect(await readKeyFile(path, schema)).toEqual(after)
  expect(await readdir(folder)).toEqual(['keys.json'])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('reading makes no file', async () => {
  const folder = await newFolder()
  await expect(readKeyFile(join(folder, 'keys.json'), schema)).rejects.toThrow('There is no key file')
  expect(await readdir(folder)).toEqual([])
})
