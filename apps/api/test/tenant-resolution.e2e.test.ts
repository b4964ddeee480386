import type { TestTenant, TestUser } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import type { Reply } from './http.ts'

let api: TestApi
let one: TestTenant
let other: TestTenant
let strange: TestTenant
let user: TestUser
let signedIn: { authorization: string }

beforeAll(async () => {
  api = await openTestApi()
})

beforeEach(async () => {
  const { createTenant, createUser, addMember } = api.installation
  ;[one, other, strange, user] = await Promise.all([createTenant(), createTenant(), createTenant(), createUser()])
  await addMember(one.id, user.id, 'admin')
  await addMember(other.id, user.id, 'admin')
  signedIn = await api.signedIn(user)
})

afterAll(() => api.close())

const call = (path: string, headers: Record<string, string> = {}) =>
  api.rest(path, { headers: { ...signedIn, ...headers } })
const answered = ({ status, json }: Reply) => (status === 200 ? json.slug : `${status} ${json.code}`)
const current = async (headers: Record<string, string> = {}) => answered(await call('/tenants/current', headers))
const named = ({ slug }: TestTenant) => ({ 'x-tenant-id': slug })

test('`current` stands for the found tenant wherever a path takes one', async () => {
  const paths = Object.entries<Record<string, unknown>>((await api.send('/api/openapi.json')).json.paths)
  const taking = paths.flatMap(([path, item]) =>
    path.startsWith('/tenants/{tenantId}')
      ? Object.keys(item).map((method) => ({ method: method.toUpperCase(), path }))
      : [],
  )
  expect(taking.length).toBeGreaterThan(1)
  for (const { method, path } of taking) {
    const sending = { method, ...(method === 'GET' || method === 'DELETE' ? {} : { json: { metric: 'tokens' } }) }
    const reply = await api.rest(path.replace('{tenantId}', 'current'), {
      ...sending,
      headers: { ...signedIn, ...named(one) },
    })
    expect({ method, path, code: reply.json.code }).not.toHaveProperty('code', expect.stringMatching(/^tenant\./))
    const unnamed = await api.rest(path.replace('{tenantId}', 'current'), { ...sending, headers: signedIn })
    expect({ method, path, code: unnamed.json.code }).toEqual({ method, path, code: 'tenant.not_selected' })
  }
  expect((await call('/tenants/current', named(other))).json.id).toBe(other.id)
})

describe('what the document shows of the current tenant', () => {
  const reads = async () => {
    const documented: Record<string, object> = (await api.send('/api/openapi.json')).json.paths
    const current = Object.entries(documented).filter(([path]) => /^\/tenants\/current\/./.test(path))
    return current.flatMap(([path, item]) => ('get' in item ? [path] : []))
  }
  const read = (path: string, reference: string, headers: Record<string, string> = {}) =>
    api.send(`/api/v1${path.replace('current', reference)}`, { headers: { ...signedIn, ...headers } })

  test('is read by the name of the tenant too', async () => {
    const paths = await reads()
    expect(paths).toEqual(
      expect.arrayContaining(
        ['usage', 'limits', 'settings', 'settings/schema'].map((end) => `/tenants/current/${end}`),
      ),
    )
    for (const path of paths) {
      const current = await read(path, 'current', named(other))
      for (const reference of [other.id, other.slug]) {
        const { status, json } = await read(path, reference)
        expect({ path, status, json }).toEqual({ path, status: 200, json: current.json })
      }
    }
  })

  test('is changed by the name of the tenant too', async () => {
    for (const method of ['PUT', 'PATCH']) {
      const json = { name: `Changed by ${method}` }
      await api.send(`/api/v1/tenants/${other.slug}/settings`, { method, json, headers: signedIn })
      expect((await call(`/tenants/${other.id}`)).json.name).toBe(json.name)
      expect((await call(`/tenants/${one.id}`)).json.name).not.toBe(json.name)
    }
  })

  test('is refused there as everywhere: where another is named, and to strangers', async () => {
    for (const path of await reads()) {
      const refusals = [
        await read(path, other.slug, named(one)),
        await read(path, strange.slug),
        await read(path, 'no-such-tenant'),
        await read(`${path}?tenantId=${one.slug}`, other.slug),
      ]
      expect({ path, answers: refusals.map(answered) }).toEqual({
        path,
        answers: ['403 tenant.mismatch', '404 tenant.not_found', '404 tenant.not_found', '400 request.invalid'],
      })
    }
  })
})

test('two names of which one is foreign are refused without telling whether it exists', async () => {
  for (const reference of [strange.slug, 'no-such-tenant']) {
    const reply = await call(`/tenants/${one.slug}`, { 'x-tenant-id': reference })
    expect(answered(reply)).toBe('404 tenant.not_found')
    expect(reply.json.detail).toBe(
      `The request names "${one.slug}" and "${reference}": one is no tenant, or you are not a member of it.`,
    )
  }
  const { detail } = (await call(`/tenants/${one.slug}`, { 'x-tenant-id': 'x'.repeat(8_000) })).json
  expect(detail).toBe('There is no such tenant, or you are not a member of it.')
})

test("a stranger's tenant is as absent as one that never was, and the attempt stands in its log", async () => {
  const [foreign, absent] = [
    await call('/tenants/current', named(strange)),
    await call('/tenants/current', { 'x-tenant-id': 'no-such-tenant' }),
  ]
  const { requestId, ...told } = foreign.json
  expect({ ...absent.json, requestId }).toEqual({ ...told, requestId })
  expect({ status: foreign.status, code: told.code }).toEqual({ status: 404, code: 'tenant.not_found' })
  expect(await api.installation.auditEntries(strange.id)).toMatchObject([
    {
      action: 'access.denied',
      outcome: 'denied',
      actorId: user.id,
      requestId,
      details: { code: 'tenant.not_found', operation: 'tenants.info' },
    },
  ])
})

test('an attempt that is answered is written down however many others its caller made just before', async () => {
  const target = await api.installation.createTenant()
  // Beyond what may be refused in a minute nothing is looked up, and nothing told; nor of who names ten that are none.
  for (let noise = 1; noise <= 20; noise += 1) await call('/tenants/current', { 'x-tenant-id': `no-such-${noise % 8}` })

  await call('/tenants/current', named(target))

  expect(await api.installation.auditEntries(target.id)).toMatchObject([{ action: 'access.denied', actorId: user.id }])
})

test('odd names find nothing and break nothing', async () => {
  for (const reference of ['%', "' or 1=1 --", 'x'.repeat(129), 'x'.repeat(8_000), '../current', '\u00e4']) {
    const encoded = Buffer.from(reference).toString('latin1')
    expect(await current({ 'x-tenant-id': encoded })).toBe('404 tenant.not_found')
  }
  expect(answered(await call('/tenants/%zz'))).toBe('400 request.invalid')
  expect(answered(await call(`/tenants/${encodeURIComponent("a'/b")}`))).toBe('404 tenant.not_found')
  expect(await current({ 'x-tenant-id': '   ' })).toBe('400 tenant.not_selected')
})
