import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCapabilityName } from './capability-name.ts'
import { addCapability } from './new-capability.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const copied = ['packages', 'apps', 'tooling', 'biome.json', 'tsconfig.base.json', 'vitest.workspace.ts', '.gitignore']

interface Report {
  numPassedTests: number
  testResults: { assertionResults: { fullName: string; status: string; failureMessages: string[] }[] }[]
}

const isFailed = ({ status }: { status: string }) => status !== 'passed'

let copy: string
let written: string[]

/** The repository, with the same dependencies and packages of its own, and a new capability. */
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'tenantry-capability-'))
  for (const name of [...copied, 'package.json']) {
    await cp(join(root, name), join(copy, name), { recursive: true, verbatimSymlinks: true })
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  written = await addCapability(copy, readCapabilityName('team-note'))
}, 120_000)

afterAll(() => rm(copy, { recursive: true, force: true }))

/** Runs a tool of the repository; answers what it printed where it is not content, else nothing. */
async function complaints(tool: string, args: string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('VITEST')))
  const options = { cwd: copy, env: { ...env, NO_COLOR: '1' } }
  return promisify(execFile)(process.execPath, [join(root, 'node_modules', tool), ...args], options).then(
    () => '',
    ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}\n${stderr}`,
  )
}

describe('a new capability', { timeout: 120_000 }, () => {
  test('passes lint and types', async () => {
    expect(written).toContain('packages/control-plane/src/capabilities/team-note/contract.ts')
    const lint = ['ci', '--error-on-warnings', '--reporter=concise', '--colors=off', ...written]
    expect(await complaints('@biomejs/biome/bin/biome', lint)).toBe('')

    const files = [...written, 'tooling/vitest/global-setup.ts']
    await writeFile(
      join(copy, 'tsconfig.written.json'),
      JSON.stringify({ extends: './tsconfig.base.json', include: [], files }),
    )
    expect(await complaints('typescript/bin/tsc', ['-p', 'tsconfig.written.json', '--checkers', '1'])).toBe('')
  })

  test('passes the tests it brings, and those of what it joins', async () => {
    const tests = ['capabilities/team-note', 'conformance.test.ts', 'migrations']
    const reporter = ['--reporter=json', '--outputFile=report.json']
    const options = ['run', '--config', 'vitest.workspace.ts', ...reporter]
    await complaints('vitest/vitest.mjs', [...options, ...tests])
    const report = JSON.parse(await readFile(join(copy, 'report.json'), 'utf8')) as Report
    const failed = report.testResults.flatMap(({ assertionResults }) => assertionResults.filter(isFailed))
    expect(failed.map(({ fullName, failureMessages }) => [fullName, ...failureMessages])).toEqual([])
    expect(report).toMatchObject({ success: true, numFailedTestSuites: 0 })
    expect(report.testResults).toHaveLength(4)
    expect(report.numPassedTests).toBeGreaterThan(15)
  })

  test('is left as it is by another of its name', async () => {
    const entities = () => readFile(join(copy, 'packages/control-plane/src/entities.ts'), 'utf8')
    const before = await entities()

    await expect(addCapability(copy, readCapabilityName('team-note'))).rejects.toThrow(/capabilities\/team-note exists/)
    await expect(addCapability(copy, readCapabilityName('gizmo', 'team-notes'))).rejects.toThrow(/entry of that name/)
    expect(await entities()).toBe(before)
    expect(await readdir(join(copy, 'packages/control-plane/src/capabilities'))).not.toContain('gizmo')
  })
})

test('a name is spelled as each place needs it', () => {
  expect(readCapabilityName('team-note')).toMatchObject({
    entity: 'TeamNote',
    values: 'teamNotes',
    table: 'team_notes',
    segment: 'team-notes',
    manyWords: 'team notes',
  })
  expect(readCapabilityName('policy').table).toBe('policies')
  expect(readCapabilityName('person', 'people').values).toBe('people')
})

test.each([
  ['Widget', /write it like/],
  ['../escape', /write it like/],
  ['team_note', /write it like/],
  ['', /write it like/],
  ['2fa', /write it like/],
  ['types', /says nothing/],
  ['service', /a file's role/],
  ['map', /JavaScript's own Map/],
  ['a'.repeat(41), /longer than 40/],
])('"%s" is refused as a name, with the reason', (name, reason) => {
  expect(() => readCapabilityName(name)).toThrow(reason)
})
