import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createTemporaryDataFolder, startEmbedded } from '@tenantry/embedded'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type } from './cli.fixture.ts'

// Each command opens an installation of its own, or a server.
vi.setConfig({ testTimeout: 60_000 })

let environment: NodeJS.ProcessEnv
let folder: string

beforeAll(async () => {
  folder = await createTemporaryDataFolder()
  environment = { DATA_DIR: folder }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const serverRuns = () => existsSync(join(folder, 'postgres', 'postmaster.pid'))

test('a folder without an installation is not made one by looking', async () => {
  for (const command of ['doctor', 'tenant list', 'seed', 'token admin@acme.test']) {
    expect(await type(command, environment)).toMatchObject({
      code: 1,
      error: expect.stringContaining('There is no installation in'),
    })
  }
  expect(existsSync(join(folder, 'postgres'))).toBe(false)
})

test('migrate makes the installation, seed fills it, and its server ends with each command', async () => {
  const { code, out } = await type('migrate --json', environment)
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({
    migrated: expect.arrayContaining(['20261121000001_tables']),
    signingKeys: ['k1'],
  })
  expect(serverRuns()).toBe(false)
  expect(await type('seed', environment)).toMatchObject({ code: 0, out: expect.stringMatching(/^EMAIL +NAME +IS\n/) })
  expect(serverRuns()).toBe(false)
})

test('a server that another process runs is joined, and left running', async () => {
  const service = await startEmbedded({ dataFolder: folder, durable: false })
  try {
    const { code, out } = await type('tenant list --status suspended --json', environment)
    expect(code).toBe(0)
    expect(JSON.parse(out).items).toMatchObject([{ slug: 'initech' }])
    expect(await type('migrate', environment)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Nothing to migrate\.\n/),
    })
    const report = JSON.parse((await type('doctor --json', environment)).out)
    expect(report).toMatchObject({ outcome: 'pass', counts: { skipped: 0 } })
    expect(serverRuns()).toBe(true)
  } finally {
    await service.stop()
  }
})

test('a development token is a line of its own, and only where the service would believe it', async () => {
  const { code, out } = await type('token Admin@Acme.test', environment)
  expect(code).toBe(0)
  expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  const claims = JSON.parse(Buffer.from(out.split('.')[1] ?? '', 'base64url').toString())
  expect(claims).toMatchObject({ email: 'admin@acme.test', name: 'Adam Admin', roles: [] })
  const operator = await type('token operator@tenantry.test --json', environment)
  const { token } = JSON.parse(operator.out)
  expect(JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()).roles).toEqual(['platform_admin'])

  for (const elsewhere of [{ OIDC_ISSUER: 'https://issuer.example' }, { AUTH_DEV_ISSUER: 'false' }]) {
    expect(await type('token admin@acme.test', { ...environment, ...elsewhere })).toMatchObject({ code: 1, out: '' })
  }
  expect(await type('token nobody', environment)).toMatchObject({ code: 1, error: expect.stringContaining('“nobody”') })
})
