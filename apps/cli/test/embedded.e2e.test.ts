import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createTemporaryDataFolder, startEmbedded } from '@tenantry/embedded'
import { readKeys, signingKeyOf } from '@tenantry/installation/embedded-keys'
import { readInstallationConfig } from '@tenantry/installation/environment'
import { type InstallationParts, openParts } from '@tenantry/installation/open'
import { createTokenVerifier } from '@tenantry/kernel/authentication/token-verifier'
import { systemClock } from '@tenantry/kernel/context/clock'
import { newId } from '@tenantry/kernel/tenancy/id'
import { type SigningKey, signContext } from '@tenantry/kernel/tenancy/signed-context'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { callerIn } from '../src/open-installation.ts'
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

test('the signing key is rotated under a running service: no call fails, and the former key is refused', async () => {
  const key = async () => signingKeyOf((await readKeys(folder)).signing)
  const service = await openParts(readInstallationConfig({ ...environment, LOG_LEVEL: 'silent' }), {
    prepare: true,
    join: false,
    authenticator: () => createTokenVerifier({ issuers: [], clock: systemClock }),
  })
  try {
    const former = await key()
    const findsOne = async () => {
      const { items } = await callerIn(service).tenants.list({ limit: 1 })
      if (items.length !== 1) throw new Error('It sees no tenant')
    }
    const calls = startCalls(findsOne)
    const rotated = await type('signing-key rotate --overlap 5 --json', environment)
    const current = await key()
    expect(JSON.parse(rotated.out)).toEqual({ signs: current.kid, retiring: 'k1', until: expect.any(String) })
    expect([await isAccepted(service, former), await isAccepted(service, current)]).toEqual([true, true])
    await expect.poll(() => isAccepted(service, former), { timeout: 10_000 }).toBe(false)
    await calls.goOn(20)
    expect(await calls.stop()).toEqual([])
    expect(service.storage.signingKey()).toEqual(current)

    expect(await type('signing-key rotate', environment)).toMatchObject({ code: 0 })
    const { signingKeys } = JSON.parse((await type('migrate --json', environment)).out)
    expect(signingKeys).toEqual([current.kid, expect.any(String)])
    const again = await type('signing-key rotate', environment)
    expect(again).toMatchObject({ code: 1, error: expect.stringMatching(/^A rotation is under way: .* beside /) })
    await expect.poll(() => service.storage.signingKey().kid).not.toBe(current.kid)
    expect(await type('signing-key retire', environment)).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Refused from now on: ${current.kid}.`),
    })
    expect(await isAccepted(service, current)).toBe(false)
    await findsOne()
  } finally {
    await service.close()
  }
})

test.each(['soon', '4', '1.5', '86401'])('an overlap of %s is refused by the name of its option', async (overlap) => {
  expect(await type(`signing-key rotate --overlap ${overlap}`, environment)).toMatchObject({
    code: 2,
    error: expect.stringMatching(/^--overlap: Expected a whole number of seconds, 5 to 86400\./),
  })
})

/** Calls without a pause until it is stopped; that tells what failed. */
function startCalls(call: () => Promise<unknown>) {
  const failed: unknown[] = []
  let [going, answered] = [true, 0]
  const calling = (async () => {
    while (going) {
      await call().catch((error: unknown) => failed.push(error))
      answered += 1
    }
  })()
  return {
    goOn: (more: number) => {
      const enough = answered + more
      return expect.poll(() => answered).toBeGreaterThan(enough)
    },
    stop: async () => {
      going = false
      await calling
      return failed
    },
  }
}

/** Whether PostgreSQL takes what is signed with the key. */
async function isAccepted({ storage }: InstallationParts, key: SigningKey): Promise<boolean> {
  const client = new pg.Client(storage.appUrl)
  await client.connect()
  try {
    const token = signContext(key, 'tenant', newId())
    await client.query('select set_config($1, $2, false)', ['tenancy.tenant_context', token])
    return (await client.query('select tenancy.current_tenant() is not null as accepted')).rows[0].accepted
  } finally {
    await client.end()
  }
}

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
  expect(await type('token nobody', environment)).toMatchObject({ code: 2, error: expect.stringContaining('“nobody”') })
})
