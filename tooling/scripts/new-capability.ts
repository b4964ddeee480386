import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { capabilityFiles, migrationFile } from './capability-files.ts'
import { type CapabilityName, readCapabilityName } from './capability-name.ts'
import { registrations } from './capability-registrations.ts'

const product = 'packages/control-plane'

/**
 * Adds a capability with a table, operations and tests to the repository at `root`, and registers it. Changes nothing
 * and throws where the name is taken or a place to register it is not found. Returns the paths of what it wrote.
 */
export async function addCapability(root: string, name: CapabilityName): Promise<string[]> {
  const folder = join(product, 'src/capabilities', name.folder)
  if (existsSync(join(root, folder))) throw new Error(`${folder} exists. Choose another name, or remove it first.`)
  const migrations = (await readdir(join(root, product, 'migrations'))).filter((file) => /^\d{14}_/.test(file)).sort()
  const migration = `${migrationNumber(migrations.at(-1), new Date())}_${name.table}`

  const files = new Map([
    ...Object.entries(capabilityFiles(name)).map(([file, text]): [string, string] => [join(folder, file), text]),
    [join(product, 'migrations', `${migration}.ts`), migrationFile(name)],
  ])
  for (const { file, change } of registrations(name, migration)) {
    const path = join(product, file)
    files.set(path, change(await readFile(join(root, path), 'utf8'), path))
  }

  for (const [path, text] of files) {
    await mkdir(join(root, dirname(path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  await format(root, [...files.keys()])
  return [...files.keys()]
}

/** Fourteen digits that say when, later than every migration there is. */
function migrationNumber(last: string | undefined, now: Date): string {
  const time = Number(now.toISOString().replaceAll(/\D/g, '').slice(0, 14))
  return String(Math.max(time, Number(last?.slice(0, 14) ?? 0) + 1))
}

async function format(root: string, paths: string[]): Promise<void> {
  const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
  const flags = ['check', '--write', '--linter-enabled=false', '--log-level=error']
  await promisify(execFile)(process.execPath, [biome, ...flags, ...paths], { cwd: root })
}

async function main([name, plural]: string[]): Promise<void> {
  if (name === undefined) throw new Error('Say what it is called: pnpm new-capability <name> [plural]')
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const written = await addCapability(root, readCapabilityName(name, plural))
  const next = ['generate-docs', 'generate-clients', 'generate-examples', 'check', 'test'].map(
    (script) => `npx -y pnpm ${script}`,
  )
  process.stdout.write(`${written.join('\n')}\n\nNow change what it does. Run: ${next.join(' && ')}\n`)
}

if (import.meta.main) {
  main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
}
