import { afterAll, beforeAll, expect, test } from 'vitest'
import { banner } from '../src/banner.ts'
import { readConfig } from '../src/config.ts'
import { openTestApi, type TestApi } from './api-server.ts'
import { byRest, byTrpc, operations } from './doors.ts'
import { bearer } from './http.ts'
import { inputOf, operationCases, tenantNamed } from './operation-cases.ts'
import { makeWorld } from './operation-world.ts'

const environment = { PLATFORM_ACCESS: 'false' }

let api: TestApi

beforeAll(async () => {
  api = await openTestApi({ environment })
})

afterAll(() => api.close())

const claiming = async (email: string) => bearer(await api.issuer.sign({ email, platformAdmin: true }))

test('with platform access off, whoever claims to be a platform admin is a plain user on every door', async () => {
  const { tenant, user } = await api.installation.enter({ role: 'viewer' })
  const foreign = await api.installation.createTenant()
  const headers = await claiming(user.email)
  const me = await api.rest('/me', { headers })
  expect(me.json).toMatchObject({ user: { id: user.id, platformAdmin: false }, memberships: [{ tenantId: tenant.id }] })
  expect((await api.send('/trpc/me.get', { headers })).json.result.data.json.user.platformAdmin).toBe(false)

  const { items } = (await api.rest('/tenants', { headers })).json
  expect(items).toMatchObject([{ id: tenant.id }])
  const own = await api.rest(`/tenants/${tenant.id}`, { method: 'PATCH', headers, json: { plan: 'enterprise' } })
  expect(own).toMatchObject({ status: 403, json: { code: 'auth.permission_denied', missingScope: 'tenant:manage' } })
  expect(await api.rest(`/tenants/${foreign.id}`, { headers })).toMatchObject({
    status: 404,
    json: { code: 'tenant.not_found' },
  })
  expect(await api.installation.auditEntries(foreign.id)).toMatchObject([
    { action: 'access.denied', actorType: 'user', actorId: user.id },
  ])
})

test('with platform access off, every platform operation is refused, and the refusal names the setting', async () => {
  const platformOnly = operations.filter(
    ({ operation: { permission, unitOfWork } }) => permission === 'platform' || unitOfWork === 'platform',
  )
  expect(platformOnly.length).toBeGreaterThan(0)
  for (const { name, operation } of platformOnly) {
    const [first] = operationCases[name] ?? []
    if (!first) throw new Error(`${name} has no cases`)
    const world = await makeWorld(api, 'operator', 'active')
    const call = { name, operation, input: inputOf(first, world), tenant: tenantNamed(first, world), world }
    for (const door of [byRest, byTrpc]) {
      expect(await door(api, call)).toMatchObject({
        problem: { code: 'auth.permission_denied', detail: expect.stringContaining('PLATFORM_ACCESS') },
      })
    }
  }
})

test('that platform access is off is said at the start', () => {
  expect(banner(readConfig(environment), 3000)).toContain('Platform access is off')
  expect(banner(readConfig({}), 3000)).not.toContain('Platform access')
  expect(readConfig({})).toMatchObject({ PLATFORM_ACCESS: true })
})
