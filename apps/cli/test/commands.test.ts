import { randomBytes } from 'node:crypto'
import { openTestInstallation, type TestInstallation } from '@tenantry/control-plane/testing'
import type { Command } from 'commander'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createProgram } from '../src/program.ts'
import { environmentOf, type } from './cli.fixture.ts'

// Each command opens an installation of its own, or a server.
vi.setConfig({ testTimeout: 60_000 })

let installation: TestInstallation
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  installation = await openTestInstallation()
  environment = environmentOf(installation)
})
afterAll(() => installation.close())

async function asAdmin<Result>(work: (admin: pg.Client) => Promise<Result>): Promise<Result> {
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

const silent = { out: () => undefined, error: () => undefined }
const namesOf = (command: Command, before: string): string[] =>
  command.commands.flatMap((verb) => {
    const name = `${before}${verb.name()}`
    return verb.commands.length > 0 ? namesOf(verb, `${name} `) : [name]
  })
const commandNames = namesOf(
  createProgram({ environment: {}, show: () => undefined, note: () => undefined }, silent),
  '',
)

describe('help', () => {
  test.each(commandNames)('of %s teaches by example', async (command) => {
    const { code, out } = await type(`${command} --help`, {})
    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`Examples:\\n  pnpm tenantry ${command}.* # `))
    expect(out).toContain('--json')
  })

  test('names every command and the exit codes', async () => {
    const { code, out } = await type('--help', {})
    expect(code).toBe(0)
    const names = ['migrate', 'seed', 'doctor', 'tenant', 'member', 'invite', 'role', 'token', 'keys', 'signing-key']
    for (const name of names) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(out).toContain('Exit codes: 0 done, 1 failed or refused, 2 wrong usage or a wrong value.')
  })

  test.each(['nope', 'tenant list --nope', 'token', 'tenant', 'doctor too much', 'keys create acme --name CI'])(
    '“%s” is wrong usage: 2',
    async (typed) => {
      expect(await type(typed, environment)).toMatchObject({ code: 2, out: '', error: expect.stringMatching(/\S/) })
    },
  )
})

describe('doctor', () => {
  test('shows every check and the attestation, and sees everything as the owner', async () => {
    const { code, out, error } = await type('doctor', environment)
    expect({ code, error }).toEqual({ code: 0, error: '' })
    const lines = out.trimEnd().split('\n')
    expect(lines.filter((line) => line.startsWith('pass  ')).length).toBeGreaterThan(18)
    expect(out).not.toMatch(/^(FAIL|WARN|skip)/m)
    expect(lines.at(-1)).toMatch(/^At .* Tenantry .* 0 failed\.$/)
    for (const url of Object.values(installation.testDatabase.urls)) expect(out).not.toContain(new URL(url).password)
  })

  test('says without the owner what it cannot see', async () => {
    const { code, out } = await type('doctor --json', { ...environment, MIGRATION_DATABASE_URL: '' })
    const { outcome, counts, checks } = JSON.parse(out)
    expect({ code, outcome, counts }).toMatchObject({ code: 0, outcome: 'pass', counts: { fail: 0, skipped: 2 } })
    for (const name of ['columns', 'record_unchanged'])
      expect(checks).toContainEqual(expect.objectContaining({ name, outcome: 'skipped' }))
  })

  test('ends with 1 where a check fails, and says what to do', async () => {
    await asAdmin((admin) => admin.query('alter table tenantry.events disable row level security'))
    const { code, out } = await type('doctor', environment)
    await asAdmin((admin) => admin.query('alter table tenantry.events enable row level security'))
    expect(code).toBe(1)
    expect(out).toMatch(/^FAIL {2}row_security /m)
    expect(out).toMatch(/^ +table tenantry\.events: Row-level security is off: alter table/m)
    expect(out).toMatch(/^FAIL {2}canary /m)
  })

  test('tells of a signing key that the database does not know, as of anything else', async () => {
    const unknown = { CONTEXT_SIGNING_KEYS: `unknown:${randomBytes(32).toString('base64')}` }
    const { code, out } = await type('doctor', { ...environment, ...unknown })
    expect(code).toBe(1)
    expect(out).toMatch(/^FAIL {2}signing_keys [^\n]*\n[^\n]*\n +signing keys: The database does not accept/m)
  })
})

describe('tenant list', () => {
  test('shows aligned columns, pages, and the same for a program', async () => {
    const prefix = `list-${randomBytes(4).toString('hex')}`
    for (const number of [1, 22, 333]) await installation.createTenant({ slug: `${prefix}-${number}` })
    const { code, out } = await type(`tenant list --q ${prefix} --limit 2`, environment)
    expect(code).toBe(0)
    const [head = '', first = '', second = '', , more = ''] = out.split('\n')
    expect(head).toMatch(/^SLUG +NAME +STATUS +PLAN +CREATED +ID$/)
    expect(first.indexOf('active')).toBe(head.indexOf('STATUS'))
    expect(second.indexOf('active')).toBe(head.indexOf('STATUS'))

    const next = /--cursor (\S+)/.exec(more)?.[1]
    const rest = await type(`tenant list --q ${prefix} --cursor ${next} --json`, environment)
    expect(JSON.parse(rest.out)).toMatchObject({ items: [{ slug: `${prefix}-1` }], nextCursor: null })
    expect((await type(`tenant list --q no-${prefix}`, environment)).out).toBe('None.\n')
  })

  test('tells what an operation refuses, for a person and for a program', async () => {
    const person = await type('tenant list --status asleep --limit many', environment)
    expect(person).toMatchObject({ code: 2, out: '' })
    expect(person.error).toMatch(/\(request\.invalid\)\n {2}--limit: .+\n {2}--status: Expected provisioning, /)
    const program = await type('tenant list --status asleep --json', environment)
    expect(program).toMatchObject({ code: 2, error: '' })
    expect(JSON.parse(program.out).error).toMatchObject({ code: 'request.invalid', issues: [{ path: 'status' }] })
  })
})

describe('keys', () => {
  test('are created, listed and revoked, and the audit log says by whom', async () => {
    const tenant = await installation.createTenant({ plan: 'enterprise' })
    const create = `keys create ${tenant.slug} --name Scheduler --scopes usage:read usage:write`
    const created = await type(create, environment)
    expect(created).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^tk_live_\S+\n\nScheduler \(\S+\)\. Send it as X-API-Key; it is not shown again\.\n$/,
      ),
    })
    const [key = ''] = created.out.split('\n')
    const limited = `${create} --expires-at 2100-01-01T00:00:00.000Z --ip-allowlist 203.0.113.0/24 --json`
    expect(JSON.parse((await type(limited, environment)).out)).toMatchObject({
      name: 'Scheduler',
      expiresAt: '2100-01-01T00:00:00.000Z',
      ipAllowlist: ['203.0.113.0/24'],
      createdBy: { type: 'system', id: 'cli' },
    })

    const { out } = await type(`keys list ${tenant.slug}`, environment)
    expect(out).toMatch(/^ID +NAME +SCOPES +EXPIRES +LAST USED\n/)
    expect(out).not.toContain(key)
    const { items } = JSON.parse((await type(`keys list ${tenant.slug} --json`, environment)).out)
    expect(items).toHaveLength(2)
    const first = items[1].id
    expect((await type(`keys revoke ${tenant.slug} ${first}`, environment)).out).toBe(`Revoked ${first}.\n`)
    expect(JSON.parse((await type(`keys list ${tenant.slug} --json`, environment)).out).items).toHaveLength(1)
    const entries = await asAdmin(async (admin) => {
      const sql = 'select action, actor_type, actor_id from tenantry.audit_entries where tenant_id = $1 order by id'
      return (await admin.query(sql, [tenant.id])).rows
    })
    const by = { actor_type: 'system', actor_id: 'cli' }
    for (const action of ['api_key.created', 'api_key.revoked']) expect(entries).toContainEqual({ action, ...by })
  })

  test('what is wrong is told by the name of its option, and a tenant or key that is not there by its code', async () => {
    const { slug } = await installation.createTenant({ plan: 'enterprise' })
    const wrong = await type(
      `keys create ${slug} --name CI --scopes all --expires-at soon --ip-allowlist here`,
      environment,
    )
    expect(wrong).toMatchObject({ code: 2, out: '' })
    const options = [...wrong.error.matchAll(/^ {2}(--[a-z-]+): /gm)].map(([, option]) => option)
    expect(options.sort()).toEqual(['--expires-at', '--ip-allowlist', '--scopes'])
    const [noTenant, noKey] = [
      await type('keys list no-such-tenant', environment),
      await type(`keys revoke ${slug} 01890000-0000-7000-8000-000000000000`, environment),
    ]
    expect(noTenant).toMatchObject({
      code: 1,
      error: 'There is no tenant “no-such-tenant”. Name it by slug, id or externalId. (tenant.not_found)\n',
    })
    expect(noKey).toMatchObject({ code: 1, error: expect.stringContaining('(api_key.not_found)') })
  })
})

describe('signing-key', () => {
  const accepted = () =>
    asAdmin(async (admin) => {
      const sql = 'select kid from tenancy.signing_keys where retires_at is null or retires_at > now() order by kid'
      return (await admin.query(sql)).rows.map(({ kid }) => kid)
    })

  test('shows what the processes need and what comes next, then ends the former key', async () => {
    const { code, out } = await type('signing-key rotate', environment)
    expect(code).toBe(0)
    const variable = /^CONTEXT_SIGNING_KEYS=(([\w-]+):\S+,test:\S+)$/m.exec(out)
    expect(out).toContain('2. Once all run with it, end test: pnpm tenantry signing-key retire')
    const next = String(variable?.[2])
    expect(await accepted()).toEqual([next, 'test'])
    const configured = { ...environment, CONTEXT_SIGNING_KEYS: variable?.[1] }
    expect(await type('signing-key rotate', configured)).toMatchObject({
      code: 1,
      error: expect.stringMatching(/^A rotation is under way: .* accepts test beside /),
    })
    const retired = await type('signing-key retire', configured)
    expect(retired.out).toBe(`Refused from now on: test. Only ${next} is accepted.\n`)
    expect(await accepted()).toEqual([next])
    // The other tests sign with the first one.
    await type('migrate', environment)
    expect(await accepted()).toEqual(['test'])
  })

  test.each(['rotate', 'retire'])('%s by a key that the database does not accept changes nothing', async (command) => {
    for (const id of ['unknown', 'test']) {
      const outdated = { CONTEXT_SIGNING_KEYS: `${id}:${randomBytes(32).toString('base64')}` }
      expect(await type(`signing-key ${command}`, { ...environment, ...outdated })).toMatchObject({
        code: 1,
        out: '',
        error: expect.stringMatching(/does not accept .*; nothing was changed\.\n$/),
      })
    }
    expect(await accepted()).toEqual(['test'])
  })

  test('names what it needs, and what it has no use for', async () => {
    const { error } = await type('signing-key rotate', { DATABASE_URL: environment.DATABASE_URL })
    const names = [...error.matchAll(/^ {2}(\w+): required by pnpm tenantry signing-key\.$/gm)].map(([, name]) => name)
    expect(names).toEqual(['MIGRATION_DATABASE_URL', 'CONTEXT_SIGNING_KEYS'])
    const overlap = await type('signing-key rotate --overlap 60', environment)
    expect(overlap).toMatchObject({ code: 2, error: expect.stringMatching(/^--overlap: With an external database/) })
  })
})

describe('an external database', () => {
  test('is migrated by the owner: once, and safe to repeat', async () => {
    const { code, out } = await type('migrate', environment)
    expect({ code, out }).toEqual({
      code: 0,
      out: `Nothing to migrate.\nSigning keys that are valid from now on: ${installation.testDatabase.signingKey.kid}.\nThe job queue is in place.\n`,
    })
  })

  test('is migrated with an answer for programs: the migrations that ran, and the ids of the valid signing keys', async () => {
    const { code, out, error } = await type('migrate --json', environment)
    expect({ code, error, answer: JSON.parse(out) }).toEqual({
      code: 0,
      error: '',
      answer: { migrated: [], signingKeys: [installation.testDatabase.signingKey.kid] },
    })
  })

  test('needs its variables, all named at once', async () => {
    const { code, error } = await type('doctor', { DATABASE_URL: 'postgres://postgres@127.0.0.1/x' })
    expect(code).toBe(1)
    expect(error).toMatch(/DATABASE_URL: Must sign in as tenantry_app/)
    expect([...error.matchAll(/^ {2}(\w+): required with DATABASE_URL\.$/gm)].map(([, name]) => name)).toEqual([
      'PLATFORM_DATABASE_URL',
      'JOBS_DATABASE_URL',
      'CONTEXT_SIGNING_KEYS',
      'ENCRYPTION_KEYS',
    ])
  })

  test('gets no demonstration and no development tokens by accident', async () => {
    expect(await type('seed', environment)).toMatchObject({ code: 1, error: expect.stringContaining('--external') })
    expect(await type('token admin@acme.test', environment)).toMatchObject({
      code: 1,
      out: '',
      error: expect.stringMatching(/^The built-in issuer exists with the embedded database only/),
    })
    expect((await type('seed --external --json', environment)).code).toBe(0)
    const { out } = await type('tenant list --q acme --json', environment)
    expect(JSON.parse(out).items).toMatchObject([{ slug: 'acme-labs' }, { slug: 'acme' }])
  })

  test('that cannot be reached is told in a line', async () => {
    const gone = 'postgres://tenantry_app:hunter2@127.0.0.1:1/x'
    const ran = await type('tenant list', {
      ...environment,
      DATABASE_URL: gone,
      PLATFORM_DATABASE_URL: gone.replace('app', 'platform'),
    })
    expect(ran).toMatchObject({
      code: 1,
      out: '',
      error: expect.stringMatching(/^PostgreSQL cannot be reached: [^\n]+\n$/),
    })
    expect(ran.error).not.toContain('hunter2')
  })
})
