import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { makeApiKey } from '@tenantry/control-plane/capabilities/api-key/service.fixture'
import { operator, type TestTenant } from '@tenantry/control-plane/testing'
import { SignJWT } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { bearer, type Reply } from './http.ts'

const baseDomain = 'tenantry.example'

/**
 * Who asks. `both` is a member of acme and bravo, `single` of acme alone, `late` of all that are not active, `gone` of the
 * purged one alone; `key` is one of acme.
 */
type Who = 'both' | 'late' | 'single' | 'nobody' | 'anonymous' | 'operator' | 'key' | 'gone' | `claims ${string}`

/** A request, by everything that could name a tenant. `<acme>` stands for its id, `ext_acme` is its externalId. */
interface Row {
  as?: Who
  path?: string
  header?: string
  host?: string
  /** After the path, for REST alone. */
  suffix?: string
  /** An operation that answers for active tenants only. */
  active?: true
  /** The slug of the tenant that was found, or status and code. */
  finds: string
}

const none = '400 tenant.not_selected'
const unknown = '404 tenant.not_found'
const mismatch = '403 tenant.mismatch'
const under = (label: string) => `${label}.${baseDomain}`

const byPath: Row[] = [
  ...['acme', '<acme>', '<ACME>', 'ext_acme'].map((path) => ({ path, finds: 'acme' })),
  { path: 'acme', suffix: '/', finds: 'acme' },
  { path: 'acme', suffix: '//', finds: 'acme' },
  { path: '<acme>', suffix: '/', finds: 'acme' },
  ...['ACME', 'EXT_ACME', 'strange', '<strange>', 'ext_strange', 'no-such-tenant'].map((path) => ({
    path,
    finds: unknown,
  })),
  ...['CURRENT', 'settings', 'bulk', 'onboard', 'audit-log', 'admin', 'www'].map((path) => ({ path, finds: unknown })),
  { path: '00000000-0000-7000-8000-000000000000', finds: unknown },
]

const byHeader: Row[] = [
  ...['acme', '<acme>', '<ACME>', 'ext_acme', '  acme  '].map((header) => ({ header, finds: 'acme' })),
  { path: 'current', header: 'bravo', finds: 'bravo' },
  { path: 'current', header: 'bravo', suffix: '/', finds: 'bravo' },
  { header: 'bravo', suffix: '/', finds: 'bravo' },
  ...['ACME', 'strange', '<strange>', 'no-such-tenant', 'current', 'settings', 'acme,bravo'].map((header) => ({
    header,
    finds: unknown,
  })),
  { header: '   ', finds: none },
]

const byHost: Row[] = [
  ...[under('acme'), under('ACME'), 'acme.TENANTRY.example', `${under('acme')}:8080`].map((host) => ({
    host,
    finds: 'acme',
  })),
  { host: under('acme'), path: 'current', finds: 'acme' },
  ...['strange', 'no-such-tenant', 'ext-bravo'].map((label) => ({ host: under(label), finds: unknown })),
  ...[baseDomain, under('www'), under('api'), under('acme.bravo'), under('ab'), under('ext_acme')].map((host) => ({
    host,
    finds: none,
  })),
  ...[`${under('acme')}.evil.test`, `acme.not${baseDomain}`, `acme${baseDomain}`, '127.0.0.1', '[::1]'].map((host) => ({
    host,
    finds: none,
  })),
  { host: under('www'), header: 'bravo', finds: 'bravo' },
]

const byKey: Row[] = [
  { finds: 'acme' },
  { path: 'current', finds: 'acme' },
  ...['acme', '<acme>', '<ACME>', 'ext_acme'].flatMap((name) => [
    { path: name, finds: 'acme' },
    { header: name, finds: 'acme' },
  ]),
  { host: under('acme'), finds: 'acme' },
  { path: '<acme>', header: 'ext_acme', host: under('acme'), finds: 'acme' },
  ...['bravo', '<bravo>', 'strange', 'no-such-tenant', 'gone'].flatMap((name) => [
    { path: name, finds: mismatch },
    { header: name, finds: mismatch },
  ]),
  ...['bravo', 'strange', 'no-such-tenant'].map((label) => ({ host: under(label), finds: mismatch })),
  { path: 'acme', header: 'bravo', finds: mismatch },
].map((row) => ({ ...row, as: 'key' }))

const byClaimOrMembership: Row[] = [
  ...['bravo', '<bravo>', 'ext-bravo'].map((name): Row => ({ as: `claims ${name}`, finds: 'bravo' })),
  { as: 'claims bravo', path: 'current', finds: 'bravo' },
  { as: 'claims bravo', path: 'acme', finds: 'acme' },
  { as: 'claims bravo', header: 'acme', finds: 'acme' },
  { as: 'claims bravo', host: under('acme'), finds: 'acme' },
  { as: 'claims strange', header: 'acme', finds: 'acme' },
  { as: 'claims strange', finds: unknown },
  { as: 'claims no-such-tenant', finds: unknown },
  { as: 'single', finds: 'acme' },
  { as: 'single', path: 'current', finds: 'acme' },
  { as: 'single', path: 'bravo', finds: unknown },
  { as: 'single', header: 'bravo', finds: unknown },
  { as: 'both', finds: none },
  { as: 'both', path: 'current', finds: none },
  { as: 'nobody', finds: none },
  { as: 'nobody', path: 'acme', finds: unknown },
  { as: 'gone', finds: none },
]

/** Every pair, and all three. */
const byMoreThanOne: Row[] = [
  { path: '<acme>', header: 'ext_acme', host: under('acme'), finds: 'acme' },
  { path: 'acme', header: '<ACME>', finds: 'acme' },
  ...[
    { path: 'acme', header: 'bravo' },
    { path: '<acme>', header: '<bravo>' },
    { path: 'ext_acme', header: 'ext-bravo' },
    { path: 'acme', host: under('bravo') },
    { header: 'acme', host: under('bravo') },
    { path: 'current', header: 'acme', host: under('bravo') },
    { path: 'acme', header: 'acme', host: under('bravo') },
    { path: 'acme', header: 'bravo', host: under('acme') },
    { path: 'bravo', header: 'acme', host: under('acme') },
  ].map((row) => ({ ...row, finds: mismatch })),
  ...['strange', 'no-such-tenant'].flatMap((name) =>
    [
      { path: 'acme', header: name },
      { path: name, header: 'acme' },
      { path: 'acme', host: under(name) },
      { header: name, host: under('acme') },
    ].map((row) => ({ ...row, finds: unknown })),
  ),
  { as: 'operator', path: 'acme', header: 'strange', finds: mismatch },
]

const byStateAndCaller: Row[] = [
  ...['coming', 'leaving', 'paused'].flatMap((path): Row[] => [
    { as: 'late', path, finds: path },
    { as: 'late', path, active: true, finds: '403 tenant.inactive' },
    { as: 'late', header: path, path: 'current', active: true, finds: '403 tenant.inactive' },
    { as: 'both', path, active: true, finds: unknown },
  ]),
  ...['gone', '<gone>'].flatMap((name): Row[] => [
    { as: 'late', path: name, finds: unknown },
    { as: 'late', header: name, finds: unknown },
    { as: 'operator', path: name, finds: unknown },
  ]),
  { as: 'late', host: under('gone'), finds: unknown },
  { as: 'late', path: 'gone', active: true, finds: unknown },
  { as: 'operator', path: 'strange', finds: 'strange' },
  { as: 'operator', header: '<strange>', finds: 'strange' },
  { as: 'operator', host: under('strange'), finds: 'strange' },
  { as: 'operator', finds: none },
  { as: 'operator', path: 'no-such-tenant', finds: unknown },
  ...['acme', 'strange', 'no-such-tenant', 'current'].map(
    (path): Row => ({ as: 'anonymous', path, finds: '401 auth.unauthenticated' }),
  ),
]

let api: TestApi
const tenants = new Map<string, TestTenant>()
const headersOf = new Map<Who, Record<string, string>>()
const callers: string[] = []

beforeAll(async () => {
  api = await openTestApi({ blocking: false, environment: { BASE_DOMAIN: baseDomain } })
  const { installation } = api
  for (const slug of ['acme', 'bravo', 'strange']) tenants.set(slug, await installation.createTenant({ slug }))
  const states = { coming: 'provisioning', paused: 'suspended', leaving: 'deleting', gone: 'deleting' } as const
  for (const [slug, status] of Object.entries(states))
    tenants.set(slug, await installation.createTenant({ slug, status }))
  for (const [slug, externalId] of Object.entries({ acme: 'ext_acme', bravo: 'ext-bravo', strange: 'ext_strange' })) {
    await installation.callerAs(operator, slug).tenants.update({ tenantId: 'current', externalId })
  }
  const late = ['coming', 'leaving', 'paused', 'gone']
  const memberships = { both: ['acme', 'bravo'], single: ['acme'], nobody: [], late, gone: ['gone'] }
  for (const [who, slugs] of Object.entries(memberships)) {
    const user = await installation.createUser(`${who}@people.test`)
    for (const slug of slugs) await installation.addMember(idOf(slug), user.id, 'admin')
    callers.push(`user:${user.id}`)
    headersOf.set(who as Who, await api.signedIn(user))
  }
  // Once it is, nobody becomes a member any more.
  await installation.database.tenantUnit({ tenantId: idOf('gone'), actor: operator, readOnly: false }, (em) =>
    em.execute(`update tenantry.tenants set status = 'purged' where id = ?`, [idOf('gone')]),
  )
  headersOf.set('anonymous', {})
  headersOf.set('operator', bearer(await api.issuer.sign({ email: operator.email, platformAdmin: true })))
  const key = { tenantId: idOf('acme'), scopes: ['tenant:read'], createdByType: 'service', createdById: 'table' }
  headersOf.set('key', { 'x-api-key': await makeApiKey(installation, key) })
})

afterAll(() => api.close())

/** Of both doors: whoever asks by so many rows would soon be told no more than to slow down. */
afterEach(async () => {
  for (const caller of [...callers, ...callers])
    await api.installation.dependencies.rateLimits.refund('selection', caller, String(Date.now() + 60_000))
})

const idOf = (slug: string) => tenants.get(slug)?.id ?? ''
const written = (name: string) =>
  name.replaceAll(/<(\w+)>/g, (_, slug: string) => {
    const id = idOf(slug.toLowerCase())
    return slug === slug.toUpperCase() ? id.toUpperCase() : id
  })

async function headers({ as = 'both', header, host }: Row): Promise<Record<string, string>> {
  const [, claimed] = /^claims (.+)$/.exec(as) ?? []
  return {
    ...(claimed === undefined ? headersOf.get(as) : await claiming(written(claimed))),
    ...(header === undefined ? {} : { 'x-tenant-id': written(header) }),
    ...(host === undefined ? {} : { host }),
  }
}

/** The user `both`, by a token whose issuer names a tenant. */
async function claiming(tenant: string): Promise<Record<string, string>> {
  const token = new SignJWT({ email: 'both@people.test', email_verified: true, tenant_id: tenant })
    .setProtectedHeader({ alg: 'EdDSA', kid: api.key.kid })
    .setIssuer(api.issuer.issuer)
    .setAudience(api.issuer.audience)
    .setSubject('both@people.test')
    .setExpirationTime('1h')
  return bearer(await token.sign(api.key))
}

const slugOf = ({ slug, tenant }: { slug?: string; tenant?: { slug: string } }) => slug ?? tenant?.slug

async function byRest(row: Row): Promise<string | undefined> {
  const { path, suffix = '', active } = row
  const below = `${encodeURIComponent(written(path ?? ''))}/${active ? 'event-log' : 'access/explain'}`
  const reply = await api.rest(`/tenants/${path === undefined ? 'current' : below}${suffix}`, {
    headers: await headers(row),
  })
  return reply.status < 400 ? slugOf(reply.json) : refusal(reply.status, reply)
}

async function byTrpc(row: Row): Promise<string | undefined> {
  const { path, active } = row
  const named = active ? 'events.list' : 'access.explain'
  const input = encodeURIComponent(JSON.stringify({ json: { tenantId: written(path ?? '') } }))
  const reply = await api.send(path === undefined ? '/trpc/tenants.info' : `/trpc/${named}?input=${input}`, {
    headers: await headers(row),
  })
  const { result, error } = reply.json
  return result ? slugOf(result.data.json) : refusal(reply.status, { ...reply, json: error.json.data.problem })
}

const refusal = (status: number, { json }: Pick<Reply, 'json'>) => `${status} ${json.code}`

const described = ({ as = 'both', path, header, host, suffix = '', active, finds }: Row) => {
  const names = [
    path === undefined ? [] : [`path ${path}${suffix}`],
    header === undefined ? [] : [`header ${header}`],
    host === undefined ? [] : [`host ${host}`],
    active ? ['for active tenants'] : [],
  ].flat()
  return { what: `${names.join(', ') || 'nothing'}, as ${as}: ${finds}` }
}

describe.each([
  { by: 'the path', rows: byPath },
  { by: 'the header', rows: byHeader },
  { by: 'the host', rows: byHost },
  { by: 'an API key', rows: byKey },
  { by: 'the claim or the only membership', rows: byClaimOrMembership },
  { by: 'more than one name', rows: byMoreThanOne },
  { by: 'what the tenant and its caller are', rows: byStateAndCaller },
])('a tenant is found, or not, by $by', ({ rows }) => {
  test.each(rows.map((row) => ({ ...described(row as Row), row: row as Row })))('$what', async ({ row }) => {
    expect({ rest: await byRest(row), trpc: await byTrpc(row) }).toEqual({ rest: row.finds, trpc: row.finds })
  })
})

test('the host that counts is the one of the request, whatever else names one', async () => {
  const headers = { ...headersOf.get('both'), host: under('acme') }
  for (const name of ['x-forwarded-host', 'x-host', 'forwarded', 'x-original-host']) {
    const value = name === 'forwarded' ? `host=${under('bravo')}` : under('bravo')
    const reply = await api.rest('/tenants/current', { headers: { ...headers, [name]: value } })
    expect({ name, slug: reply.json.slug }).toEqual({ name, slug: 'acme' })
  }
})

test('a request with two hosts finds no tenant by the second', async () => {
  const { hostname, port } = new URL(api.origin)
  const socket = connect(Number(port), hostname)
  const authorization = `Authorization: ${headersOf.get('both')?.authorization}`
  const hosts = [under('acme'), under('bravo')].map((host) => `Host: ${host}`)
  const lines = ['GET /api/v1/tenants/current HTTP/1.1', ...hosts, authorization, 'Connection: close']
  socket.end(`${lines.join('\r\n')}\r\n\r\n`)
  const answer = await text(socket)
  expect(answer).toMatch(/^HTTP\/1\.1 (200|400) /)
  expect(answer).not.toContain('"slug":"bravo"')
})
