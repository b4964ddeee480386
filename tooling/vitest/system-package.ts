import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

export interface SystemProgram {
  /** The command's name. */
  program: string
  /** The Debian package that brings it. */
  debianPackage: string
}

/** What a machine can do about a missing program. */
export interface Machine {
  path: string
  /** A missing program fails the run instead of skipping its suites. */
  strict: boolean
  /** Null where we must not install: not root, or no Debian. */
  install: ((debianPackage: string) => Promise<unknown>) | null
  say(line: string): void
}

/**
 * The file of a program that some suites need; it is installed where it is missing and that can be done. Null where it
 * stays missing: those suites are to be skipped by name. Throws instead where `CI` is true.
 */
export async function ensureProgram(
  { program, debianPackage }: SystemProgram,
  given?: Machine,
): Promise<string | null> {
  const machine = given ?? (await thisMachine())
  const there = await findProgram(program, machine.path)
  if (there) return there
  const problem = await install(debianPackage, machine)
  const installed = problem === null ? await findProgram(program, machine.path) : null
  if (installed) return installed
  const missing = `${program} is missing${problem ? ` (${problem})` : ''}: install it (Debian: ${debianPackage})`
  if (machine.strict) throw new Error(`${missing}. With CI=true no suite may be skipped.`)
  machine.say(`${missing}. The suites that need it are skipped.`)
  return null
}

/** Null when done, else what hindered it. */
async function install(debianPackage: string, machine: Machine): Promise<string | null> {
  if (machine.install === null) return 'apt needs Debian and root'
  machine.say(`Installing ${debianPackage} by apt, which some suites need.`)
  try {
    await machine.install(debianPackage)
    return null
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    return `apt failed: ${(stderr || message).trim().split('\n').at(-1)}`
  }
}

async function thisMachine(): Promise<Machine> {
  const debian = await isThere('/etc/debian_version', constants.R_OK)
  return {
    path: process.env.PATH ?? '',
    strict: process.env.CI === 'true',
    install: debian && process.getuid?.() === 0 ? installByApt : null,
    say: (line) => process.stdout.write(`${line}\n`),
  }
}

async function installByApt(debianPackage: string): Promise<void> {
  // Runlevel 1: what is installed must not start as a service of the machine.
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }, maxBuffer: 2 ** 26 }
  const apt = (...words: string[]) =>
    promisify(execFile)('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...words], options)
  await apt('update')
  await apt('install', '--yes', '--no-install-recommends', debianPackage)
}

async function findProgram(program: string, path: string): Promise<string | null> {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, program)
    if (folder !== '' && (await isThere(file, constants.X_OK))) return file
  }
  return null
}

const isThere = (file: string, mode: number) =>
  access(file, mode).then(
    () => true,
    () => false,
  )
