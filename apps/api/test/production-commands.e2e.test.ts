import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { createTemporaryDataFolder, type EmbeddedDatabase, startEmbedded } from '@tenantry/embedded'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openIssuer } from './production-api.ts'
import { runScript, startProduction } from './production-process.ts'

vi.setConfig({ testTimeout: 60_000 })

type Environment = Record<string, string>

const audience = 'tenantry-production'
const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`
/** With characters that a URL must escape. */
const password = () => `p@ss/${randomBytes(8).toString('hex')}`

let dataFolder: string
let server: EmbeddedDatabase
let issuer: Awaited<ReturnType<typeof openIssuer>>
let environment: Environment

beforeAll(async () => {
  dataFolder = await createTemporaryDataFolder()
  // Roles belong to a whole server: this one is for these tests alone.
  server = await startEmbedded({ dataFolder, durable: false })
  issuer = await openIssuer(audience)
  environment = {
    ADMIN_DATABASE_URL: server.url(),
    ...roleUrls(),
    CONTEXT_SIGNING_KEYS: key('first'),
    ENCRYPTION_KEYS: key('first'),
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: audience,
    TRUSTED_PROXIES: '127.0.0.1',
    DRAIN_DELAY_MS: '0',
    PORT: '0',
  }
})

afterAll(async () => {
  await server.stop()
  await rm(dataFolder, { recursive: true, force: true })
  issuer.server.closeAllConnections()
  await new Promise((resolve) => issuer.server.close(resolve))
})

function roleUrls(): Environment {
  const roles = {
    MIGRATION_DATABASE_URL: 'tenantry_owner',
    DATABASE_URL: 'tenantry_app',
    PLATFORM_DATABASE_URL: 'tenantry_platform',
    JOBS_DATABASE_URL: 'tenantry_jobs',
  }
  const entries = Object.entries(roles).map(([name, role]) => {
    const url = new URL(server.url('installation'))
    url.username = role
    url.password = encodeURIComponent(password())
    return [name, url.toString()]
  })
  return Object.fromEntries(entries)
}

async function run(file: string, changes: Environment = {}): Promise<{ code: number | null; output: string }> {
  const command = runScript(file, { ...environment, ...changes })
  const code = await command.ended
  return { code, output: command.output() }
}

async function select<Row>(url: string | undefined, sql: string): Promise<Row[]> {
  const client = new Client(url)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const validKeys = async () => {
  const sql = 'select kid from tenancy.signing_keys where retires_at is null order by kid'
  return (await select<{ kid: string }>(environment.MIGRATION_DATABASE_URL, sql)).map(({ kid }) => kid)
}

const migrated = /^Migrated \d{14}_\w+\.$/gm

describe('each command', () => {
  test.each([
    [
      'provision.ts',
      ['ADMIN_DATABASE_URL', 'MIGRATION_DATABASE_URL', 'DATABASE_URL', 'PLATFORM_DATABASE_URL', 'JOBS_DATABASE_URL'],
    ],
    ['migrate.ts', ['MIGRATION_DATABASE_URL', 'JOBS_DATABASE_URL', 'CONTEXT_SIGNING_KEYS']],
  ])('%s names all that it needs at once, and nothing else', async (file, names) => {
    const command = runScript(file, { PORT: 'not its concern' })
    expect(await command.ended).toBe(1)
    expect([...command.output().matchAll(/^ {2}(\w+): required by pnpm \w+\.$/gm)].map(([, name]) => name)).toEqual(
      names,
    )
    expect(command.output().trim().split('\n')).toHaveLength(names.length + 1)
  })

  test.each([
    ['a server that is not there', () => 'postgres://tenantry_owner:hunter2@127.0.0.1:1/installation'],
    ['a password that is wrong', wrongPassword],
  ])('ends with 1 and one line about %s', async (_, ownerUrl) => {
    const { code, output } = await run('migrate.ts', { MIGRATION_DATABASE_URL: ownerUrl() })
    expect(code).toBe(1)
    expect(output).toMatch(/^PostgreSQL .+\n$/)
    expect(output).not.toContain('hunter2')
  })
})

function wrongPassword(): string {
  const url = new URL(server.url('postgres'))
  url.username = 'tenantry_owner'
  url.password = 'hunter2'
  return url.toString()
}

describe('an installation', () => {
  test('begins with one command of the superuser, safe to repeat and in two processes at once', async () => {
    const runs = await Promise.all([run('provision.ts'), run('provision.ts')])
    expect(runs.map(({ code }) => code)).toEqual([0, 0])
    const created = runs.filter(({ output }) => output.includes('The database installation was created;'))
    const found = runs.filter(({ output }) => output.includes('The database installation was there already;'))
    expect([created.length, found.length]).toEqual([1, 1])

    const roles = await select(
      server.url(),
      `select rolname from pg_roles where rolname like 'tenantry%' and not rolsuper and not rolbypassrls order by 1`,
    )
    expect(roles).toHaveLength(8)
    for (const { output } of runs) expect(output).not.toContain('p@ss')
  })

  test('is told what is missing where nobody has migrated it yet', async () => {
    const { code, output } = await run('production.ts')
    expect(code).toBe(1)
    expect(output).toBe('The database is not migrated. Run pnpm migrate first.\n')
  })

  test('is migrated by one of two that try at once, and the other finds nothing to do', async () => {
    const runs = await Promise.all([run('migrate.ts'), run('migrate.ts')])
    expect(runs.map(({ code }) => code)).toEqual([0, 0])
    const counts = runs.map(({ output }) => output.match(migrated)?.length ?? 0).sort()
    expect(counts[0]).toBe(0)
    expect(counts[1]).toBeGreaterThan(3)
    expect(runs.filter(({ output }) => output.startsWith('Nothing to migrate.\n'))).toHaveLength(1)
    expect(await validKeys()).toEqual(['first'])
  })

  test('then serves', async () => {
    const api = await startProduction(environment)
    expect(await api.send('/readyz')).toMatchObject({ status: 200 })
    const headers = { authorization: `Bearer ${await issuer.sign('first@people.test')}` }
    expect(await api.send('/api/v1/me', { headers })).toMatchObject({ status: 200 })
    expect(await api.stop('SIGTERM')).toMatchObject({ code: 0 })
  })
})

describe('keys and passwords are changed without a pause', () => {
  const seesItself = async (api: Awaited<ReturnType<typeof startProduction>>) => {
    const headers = { authorization: `Bearer ${await issuer.sign('first@people.test')}` }
    return (await api.send('/api/v1/me', { headers })).status
  }

  test('signing keys: those that migrate is given are known, and no other', async () => {
    const { CONTEXT_SIGNING_KEYS: first = '' } = environment
    const second = key('second')
    expect(await run('migrate.ts', { CONTEXT_SIGNING_KEYS: `${first},${second}` })).toMatchObject({ code: 0 })
    expect(await validKeys()).toEqual(['first', 'second'])
    expect(await run('migrate.ts', { CONTEXT_SIGNING_KEYS: second })).toMatchObject({ code: 0 })
    expect(await validKeys()).toEqual(['second'])
    environment.CONTEXT_SIGNING_KEYS = second
  })

  test('a key that the database does not know is refused at the start, not met by every caller', async () => {
    const { code, output } = await run('production.ts', { CONTEXT_SIGNING_KEYS: key('unknown') })
    expect(code).toBe(1)
    expect(output).toMatch(/^The database does not know the first of CONTEXT_SIGNING_KEYS\. .+\n$/)
  })

  test('passwords: those of new connections, by the same command', async () => {
    const api = await startProduction(environment)
    expect(await seesItself(api)).toBe(200)
    const urls = roleUrls()

    expect(await run('provision.ts', urls)).toMatchObject({ code: 0 })

    expect(await seesItself(api)).toBe(200)
    await api.stop('SIGTERM')
    expect(await run('production.ts')).toMatchObject({ code: 1, output: expect.stringMatching(/^PostgreSQL .+\n$/) })
    const next = await startProduction({ ...environment, ...urls })
    expect(await seesItself(next)).toBe(200)
  })
})
