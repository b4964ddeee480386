import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { breaches } from './breaches.fixture.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')

interface Finding {
  message: string
  location: { path: string }
}

/** Lints a folder that has nothing of the repository but its configuration and laws; returns messages by path. */
async function lint(files: ReadonlyMap<string, string>): Promise<Map<string, string[]>> {
  await using folder = await openFolder()
  for (const name of ['biome.json', '.gitignore', 'tooling/lint/laws']) {
    await cp(join(root, name), join(folder.path, name), { recursive: true })
  }
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true })
    await writeFile(join(folder.path, path), content)
  }
  const flags = ['--reporter=json', '--max-diagnostics=none', '--skip=correctness/noUndeclaredDependencies']
  const { stdout } = await promisify(execFile)(process.execPath, [biome, 'lint', ...flags], {
    cwd: folder.path,
    maxBuffer: 64 * 1024 ** 2,
  }).catch((failed: { stdout: string }) => failed)
  const findings = (JSON.parse(stdout) as { diagnostics: Finding[] }).diagnostics
  const byPath = Map.groupBy(findings, ({ location }) => location.path)
  return new Map([...byPath].map(([path, found]) => [path, found.map(({ message }) => message)]))
}

async function openFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tenantry-laws-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

let broken: Map<string, string[]>
let kept: Map<string, string[]>

beforeAll(async () => {
  const [breach, keeping] = [
    new Map(breaches.map(({ path, breach }) => [path, breach])),
    new Map(breaches.map(({ path, breach, keptPath = path, kept = breach }) => [keptPath, kept])),
  ]
  ;[broken, kept] = [await lint(breach), await lint(keeping)]
})

test.each(breaches)('$law', ({ path, message, keptPath = path }) => {
  expect(broken.get(path)).toEqual([expect.stringContaining(message)])
  expect(kept.get(keptPath)).toBeUndefined()
})

test('no law is without a breach that proves it', async () => {
  const folder = join(root, 'tooling/lint/laws')
  const laws = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))
  const messages = laws.flatMap((law) => [...law.matchAll(/message ?= ?"([^"]+)"/g)].map(([, message]) => message))
  expect(messages.length).toBeGreaterThan(20)
  expect(new Set(messages)).toEqual(new Set([...broken.values()].flat().filter((message) => message.startsWith('Law'))))
})

test('every law is switched on, and no breach hides another', async () => {
  const configuration = await readFile(join(root, 'biome.json'), 'utf8')
  for (const name of await readdir(join(root, 'tooling/lint/laws'))) expect(configuration).toContain(`/${name}"`)
  expect(broken.size).toBe(breaches.length)
})

describe('capabilities', () => {
  const folder = join(root, 'packages/control-plane/src/capabilities')

  test('use each other in one direction only', async () => {
    const uses = new Map<string, Set<string>>()
    for (const name of await readdir(folder)) uses.set(name, await siblingsOf(name))
    for (const name of uses.keys()) expect(reachable(uses, name), `${name} and what it uses`).not.toContain(name)
  })

  async function siblingsOf(name: string): Promise<Set<string>> {
    const files = (await readdir(join(folder, name), { recursive: true })).filter((file) =>
      /(?<!\.test)\.ts$/.test(file),
    )
    const sources = await Promise.all(files.map((file) => readFile(join(folder, name, file), 'utf8')))
    return new Set(
      sources.flatMap((text) =>
        [...text.matchAll(/'(?:\.\.\/)+([a-z0-9-]+)\/index\.ts'/g)].map(([, used = '']) => used),
      ),
    )
  }

  function reachable(uses: Map<string, Set<string>>, from: string): Set<string> {
    const seen = new Set<string>()
    const open = [...(uses.get(from) ?? [])]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (!seen.has(next)) open.push(...(uses.get(next) ?? []))
      seen.add(next)
    }
    return seen
  }
})
