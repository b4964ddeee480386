import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type } from './cli.fixture.ts'

/** No server is there: whatever is opened fails with exit code 1. */
const nowhere = Object.fromEntries(
  ['app', 'platform', 'jobs'].map((role) => [
    role === 'app' ? 'DATABASE_URL' : `${role.toUpperCase()}_DATABASE_URL`,
    `postgres://tenantry_${role}:x@127.0.0.1:1/x`,
  ]),
)
const someId = '01890000-0000-7000-8000-000000000000'

describe('what was typed wrong ends with 2 before anything is opened', () => {
  test.each([
    ['tenant list --limit many', '--limit'],
    ['tenant list --status asleep', '--status'],
    ['tenant create --name A --owner-email nobody', '--owner-email'],
    ['tenant suspend acme --reason Unpaid --until soon', '--until'],
    ['keys create acme --name CI --scopes usage:read --expires-at soon', '--expires-at'],
    ['keys revoke acme first', '<key>'],
    ['limits set acme tokens 5 --reason Any --expires-at soon', '--expires-at'],
    ['limits grant acme tokens many --reason Any', '<amount>'],
    ['limits revoke acme first', '<grant>'],
    ['limits requests --state closed', '--state'],
    ['limits decide acme first approved --reason Any', '<request>'],
    [`limits decide acme ${someId} perhaps --reason Any`, '<decision>'],
    ['member list acme --role boss', '--role'],
    ['member add acme somebody --role viewer', '<user>'],
    ['member update acme nobody --role boss', '<user>'],
    [`member transfer-ownership acme ${someId} --keep-role boss`, '--keep-role'],
    ['invite create acme --email nobody --role member', '--email'],
    [`invite resend acme ${someId} --expires-in-seconds 1`, '--expires-in-seconds'],
    ['invite revoke acme first', '<invitation>'],
    ['role create acme --name Lead --base-role boss', '--base-role'],
    [`role update acme ${someId} --expected-version old`, '--expected-version'],
    [`role assign acme ${someId} lead`, '<role>'],
  ])('%s', async (typed, named) => {
    const person = await type(typed, nowhere)
    expect(person).toMatchObject({ code: 2, out: '' })
    expect(person.error).toMatch(/^The request is not valid\. \(request\.invalid\)\n/)
    expect(person.error).toContain(`\n  ${named}: `)
    const program = await type(`${typed} --json`, nowhere)
    expect(program).toMatchObject({ code: 2, error: '' })
    expect(JSON.parse(program.out).error).toMatchObject({ code: 'request.invalid', issues: expect.any(Array) })
  })

  test.each([
    ['signing-key rotate --overlap 1', {}, '--overlap: Expected a whole number of seconds, 5 to 86400.\n'],
    [
      'limits set acme tokens many --reason Any',
      {},
      '<value>: Expected a whole number, unlimited or plan, not “many”.\n',
    ],
    [
      'limits set acme tokens plan --reason Any --expires-at 2099-01-01T00:00:00Z',
      {},
      '--expires-at: What the plan allows does not end.\n',
    ],
    ['token somebody', {}, '<email>: Expected an e-mail address, not “somebody”.\n'],
  ])('%s', async (typed, environment, error) => {
    expect(await type(typed, environment)).toEqual({ code: 2, out: '', error })
    const { code, out } = await type(`${typed} --json`, environment)
    expect({ code, error: JSON.parse(out).error.code }).toEqual({ code: 2, error: 'usage.invalid' })
  })
})

test.each([
  ['tenant list --nope', "unknown option '--nope'"],
  ['nope', "unknown command 'nope' (Did you mean role?)"],
  ['keys create acme --name CI', "required option '--scopes <scope...>' not specified"],
  ['role assign acme', "missing required argument 'user'"],
  ['tenant', 'Say which command: see --help.'],
])('for a program, “%s” is a document with nothing beside it', async (typed, message) => {
  const { code, out, error } = await type(`${typed} --json`, nowhere)
  expect({ code, error, told: JSON.parse(out) }).toEqual({
    code: 2,
    error: '',
    told: { error: { code: 'usage.invalid', message } },
  })
})

test.each(['--help', 'tenant list --help', 'tenant list --nope', 'tenant list --limit many'])(
  '“%s” loads neither database nor ORM, nor what operations stand on',
  async (typed) => {
    const hook = `import { registerHooks } from 'node:module'
      registerHooks({ load: (url, context, next) => (process.stderr.write('loaded ' + url + '\\n'), next(url, context)) })`
    const main = fileURLToPath(new URL('../src/tenantry.ts', import.meta.url))
    const given = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, main, ...typed.split(' ')]
    const { stderr } = await promisify(execFile)(process.execPath, given).catch((error) => error)
    const loaded = [...stderr.matchAll(/^loaded (.+)$/gm)].map(([, url]) => url)
    expect(loaded).toContainEqual(expect.stringContaining('/cli/src/commands/tenant.ts'))
    expect(loaded.filter((url) => /mikro-orm|node_modules\/pg\/|pino|src\/router\.ts|unit-of-work/.test(url))).toEqual(
      [],
    )
    if (!typed.includes('many')) expect(loaded.filter((url) => /node_modules\/zod/.test(url))).toEqual([])
  },
)
