import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ensureProgram, type Machine } from './system-package.ts'

const wanted = { program: 'frobnicate', debianPackage: 'frobnicator' }

async function openMachine(abilities: Partial<Machine> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-programs-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const said: string[] = []
  const machine: Machine = { path: folder, strict: false, install: null, say: (line) => said.push(line), ...abilities }
  const file = join(folder, wanted.program)
  const place = async () => {
    await writeFile(file, '')
    await chmod(file, 0o755)
  }
  return { machine, said, file, place }
}

test('a program that is there is taken as it is', async () => {
  const { machine, said, file, place } = await openMachine({ install: () => Promise.reject(new Error('not needed')) })
  await place()
  expect(await ensureProgram(wanted, machine)).toBe(file)
  expect(said).toEqual([])
})

test('a missing program is installed from its package, and that is said', async () => {
  const installed: string[] = []
  const { machine, said, file, place } = await openMachine({
    install: async (name) => {
      installed.push(name)
      await place()
    },
  })
  expect(await ensureProgram(wanted, machine)).toBe(file)
  expect(installed).toEqual(['frobnicator'])
  expect(said).toEqual([expect.stringContaining('Installing frobnicator')])
})

test('where nothing can be installed, it is said what to install', async () => {
  const { machine, said } = await openMachine()
  expect(await ensureProgram(wanted, machine)).toBeNull()
  expect(said).toEqual([expect.stringMatching(/frobnicate is missing.*Debian: frobnicator.*skipped/)])
})

test('a failed installation is told with its reason', async () => {
  const { machine, said } = await openMachine({ install: () => Promise.reject(new Error('no such host')) })
  expect(await ensureProgram(wanted, machine)).toBeNull()
  expect(said.at(-1)).toContain('apt failed: no such host')
})

test('in continuous integration a missing program fails the run', async () => {
  const { machine } = await openMachine({ strict: true })
  await expect(ensureProgram(wanted, machine)).rejects.toThrow(/frobnicate is missing.*no suite may be skipped/)
})
