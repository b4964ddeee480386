import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { callByKey, create, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const byKey = (...[key, from]: [key: string, from?: Parameters<typeof callByKey>[2]]) =>
  callByKey(installation.dependencies, key, from)

const soon = { timeout: 3_000, interval: 20 }

describe('the tenant of a key', () => {
  test('is its own, by whatever name', async () => {
    const { tenant, caller } = await installation.enter()
    const externalId = `corp_${tenant.slug}`
    await caller.tenants.update({ tenantId: 'current', externalId })
    const { key } = await create(caller)
    for (const name of [tenant.id, tenant.id.toUpperCase(), tenant.slug, externalId, 'current']) {
      expect(await byKey(key).tenants.get({ tenantId: name })).toMatchObject({ id: tenant.id })
      if (name !== 'current') expect(await byKey(key, { header: name }).tenants.info()).toMatchObject({ id: tenant.id })
    }
    expect(await byKey(key, { subdomain: tenant.slug }).tenants.info()).toMatchObject({ id: tenant.id })
    const byExternalId = byKey(key, { subdomain: externalId }).tenants.info()
    expect(await refusalOf(byExternalId)).toMatchObject({ code: 'tenant.mismatch' })
  })

  test('is no other: that is refused before anything is looked up, the same whether it exists', async () => {
    const { tenant, caller } = await installation.enter()
    const { tenant: other } = await installation.enter()
    const { key } = await create(caller)
    await byKey(key).tenants.info()
    const looksUp = vi.spyOn(installation.dependencies.directory, 'findTenantId')
    onTestFinished(() => looksUp.mockRestore())
    const refusals = []
    for (const name of [other.id, other.slug, 'no-such-tenant', "'", 'x'.repeat(4_000)]) {
      refusals.push(
        await refusalOf(byKey(key).tenants.get({ tenantId: name.slice(0, 128) })),
        await refusalOf(byKey(key, { header: name }).tenants.info()),
        await refusalOf(byKey(key, { subdomain: name }).tenants.info()),
        await refusalOf(byKey(key, { header: name }).tenants.get({ tenantId: tenant.id })),
      )
    }
    const [first] = refusals
    expect(first).toMatchObject({ code: 'tenant.mismatch', status: 403, details: {} })
    for (const refusal of refusals)
      expect({ ...refusal, message: refusal.message }).toEqual({ ...first, message: first?.message })
    expect(looksUp).not.toHaveBeenCalled()
    expect(await installation.auditEntries(other.id)).toEqual([])
    expect((await installation.auditEntries(tenant.id)).at(-1)).toMatchObject({
      action: 'access.denied',
      actorType: 'apiKey',
      details: { code: 'tenant.mismatch' },
    })
  })

  test.each(['suspended', 'deleting'] as const)('that is %s refuses it, with the state', async (status) => {
    const { tenant, caller } = await installation.enter()
    const { key } = await create(caller, ['usage:read', 'tenant:read'])
    await byKey(key).tenants.usage()
    await asAdmin(installation, 'update tenantry.tenants set status = $2 where id = $1', [tenant.id, status])
    await expect
      .poll(
        () =>
          byKey(key)
            .tenants.usage()
            .then(
              () => 'works',
              (error) => error.cause.code,
            ),
        soon,
      )
      .toBe('tenant.inactive')
    expect(await byKey(key).tenants.get({ tenantId: 'current' })).toMatchObject({ status })
  })
})

describe('a key that is known is refused', () => {
  const expectDenied = async (tenantId: string, apiKeyId: string, code: string) =>
    expect((await installation.auditEntries(tenantId)).at(-1)).toMatchObject({
      action: 'access.denied',
      outcome: 'denied',
      actorType: 'apiKey',
      actorId: apiKeyId,
      details: { code },
    })

  test('from an address that is not in its list', async () => {
    const { tenant, caller } = await installation.enter()
    const ipAllowlist = ['203.0.113.0/24', '198.51.100.7', '2001:db8::/32']
    const { id, key } = await create(caller, ['tenant:read'], { ipAllowlist })
    for (const address of ['203.0.113.200', '198.51.100.7', '::ffff:198.51.100.7', '2001:db8:ffff::1']) {
      expect(await byKey(key, { address }).tenants.info()).toMatchObject({ id: tenant.id })
    }
    for (const address of ['203.0.114.1', '198.51.100.8', '2001:db9::1', 'nonsense', null]) {
      const refused = await refusalOf(byKey(key, { address }).tenants.info())
      expect(refused).toMatchObject({ code: 'auth.ip_not_allowed', status: 403 })
    }
    await expectDenied(tenant.id, id, 'auth.ip_not_allowed')
  })

  test('where the settings turn API access off, at once, until they turn it on', async () => {
    const { tenant, caller } = await installation.enter()
    const { id, key } = await create(caller)
    const turn = (apiAccessEnabled: boolean) =>
      caller.tenants.updateSettings({ settings: { features: { apiAccessEnabled } } })
    await byKey(key).tenants.info()
    await turn(false)
    expect(await refusalOf(byKey(key).tenants.info())).toMatchObject({
      code: 'api_key.access_disabled',
      status: 403,
      details: { key: 'features.apiAccessEnabled' },
    })
    await expectDenied(tenant.id, id, 'api_key.access_disabled')
    await turn(true)
    expect(await byKey(key).tenants.info()).toMatchObject({ id: tenant.id })
  })

  test('where the plan has no API access', async () => {
    const { tenant, caller } = await installation.enter()
    const { key } = await create(caller)
    await byKey(key).tenants.info()
    await installation.callerAs(operator).tenants.update({ tenantId: tenant.id, plan: 'free' })
    expect(await refusalOf(byKey(key).tenants.info())).toMatchObject({
      code: 'api_key.access_disabled',
      details: { requiresFeature: 'api_access' },
    })
  })

  test('by what is for users and for platform admins', async () => {
    const { caller } = await installation.enter()
    const { key } = await create(caller)
    expect(await refusalOf(byKey(key).me.get())).toMatchObject({ code: 'auth.permission_denied' })
  })
})

test('what a key does stands in the log under its id', async () => {
  const { tenant, caller } = await installation.enter()
  const { id, key } = await create(caller, ['tenant:manage'])
  await byKey(key, { address: '203.0.113.9' }).tenants.update({ tenantId: tenant.id, name: 'By a key' })
  expect((await installation.auditEntries(tenant.id)).at(-1)).toMatchObject({
    action: 'tenant.updated',
    actorType: 'apiKey',
    actorId: id,
    clientAddress: '203.0.113.9',
  })
})

test('each key has a budget of its own, beside that of its creator', async () => {
  const { tenant, caller } = await installation.enter()
  const requestsPerMinute = 5
  await installation
    .callerAs(operator, tenant.id)
    .tenants.updateSettings({ settings: { rateLimits: { requestsPerMinute } } })
  const [one, other] = [await create(caller), await create(caller)]
  for (let call = 0; call < requestsPerMinute; call++) await byKey(one.key).tenants.info()
  expect(await refusalOf(byKey(one.key).tenants.info())).toMatchObject({ code: 'rate_limit.exceeded' })
  await byKey(other.key).tenants.info()
  await caller.tenants.info()
})

test('keys that fail are held against the address they come from, and those that verify are not', async () => {
  const { caller } = await installation.enter()
  const { id: apiKeyId, key } = await create(caller)
  const { key: good } = await create(caller)
  await caller.apiKeys.remove({ tenantId: 'current', apiKeyId })
  const address = '192.0.2.44'
  const fail = async () => (await refusalOf(byKey(key, { address }).tenants.info())).code
  for (let failure = 1; failure <= 10; failure++) expect(await fail()).toBe('auth.unauthenticated')
  expect(await fail()).toBe('auth.blocked')
  await byKey(good, { address }).tenants.info()
})

test('keys that were good are not held against the address they come from, once they or their creator’s time is over', async () => {
  const { user, caller } = await installation.enter()
  const { id, key } = await create(caller)
  const { key: ofWhoLeft } = await create(caller)
  await asAdmin(installation, `update tenantry.api_keys set expires_at = now() - interval '1 minute' where id = $1`, [
    id,
  ])
  const address = '192.0.2.45'
  const failures = async (shown: string) => {
    const codes = new Set<string>()
    for (let failure = 1; failure <= 12; failure++)
      codes.add((await refusalOf(byKey(shown, { address }).tenants.info())).code)
    return [...codes]
  }
  expect(await failures(key)).toEqual(['auth.unauthenticated'])
  await asAdmin(installation, 'delete from tenantry.memberships where user_id = $1', [user.id])
  const call = () => byKey(ofWhoLeft, { address }).tenants.info()
  await expect
    .poll(
      () =>
        call().then(
          () => 'works',
          (error) => error.cause.code,
        ),
      soon,
    )
    .toBe('auth.unauthenticated')
  expect(await failures(ofWhoLeft)).toEqual(['auth.unauthenticated'])
})
