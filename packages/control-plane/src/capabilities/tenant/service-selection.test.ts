import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TenantNotFoundError } from '../../errors.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const service = { type: 'service', name: 'scheduler' } as const

describe('a tenant is found', () => {
  test('by id in any letter case, by slug and by externalId, in the path and in the header', async () => {
    const { tenant, user, caller } = await installation.enter()
    const externalId = `testcorp_${tenant.slug}`
    await caller.tenants.update({ tenantId: tenant.id, externalId })
    for (const reference of [tenant.id, tenant.id.toUpperCase(), tenant.slug, externalId]) {
      for (const actor of [user, operator, service]) {
        expect(await installation.callerAs(actor).tenants.get({ tenantId: reference })).toMatchObject({ id: tenant.id })
        expect(await installation.callerAs(actor, reference).tenants.info()).toMatchObject({ id: tenant.id })
      }
    }
  })

  test('by its own slug, which no other can take for its externalId', async () => {
    const { tenant, user } = await installation.enter()
    const { tenant: imitator, caller } = await installation.enter()
    await expect(caller.tenants.update({ tenantId: imitator.id, externalId: tenant.slug })).rejects.toMatchObject({
      code: 'tenant.external_id_taken',
    })
    expect(await installation.callerAs(user, tenant.slug).tenants.info()).toMatchObject({ id: tenant.id })
    expect(await installation.callerAs(operator, tenant.slug).tenants.info()).toMatchObject({ id: tenant.id })
  })

  test('by "current" where the header names it', async () => {
    const { tenant, caller } = await installation.enter()
    expect(await caller.tenants.get({ tenantId: 'current' })).toMatchObject({ id: tenant.id })
  })

  test('by the only membership, which inherited ones do not make ambiguous', async () => {
    const { tenant, user } = await installation.enter({ role: 'admin' })
    await installation.createTenant({ parent: tenant })
    expect(await installation.callerAs(user).tenants.info()).toMatchObject({ id: tenant.id })
    expect(await installation.callerAs(user).tenants.get({ tenantId: 'current' })).toMatchObject({ id: tenant.id })
  })

  test('through a membership on an ancestor, with the role that is inherited', async () => {
    const { tenant, user } = await installation.enter({ role: 'admin' })
    const member = await installation.createMember(tenant.id, 'member')
    const child = await installation.createTenant({ parent: tenant })
    const grandchild = await installation.createTenant({ parent: child })

    const info = await installation.callerAs(user, grandchild.slug).tenants.info()
    expect(info).toMatchObject({ id: grandchild.id, userRole: 'admin', memberCount: 0 })
    await expect(installation.callerAs(member, grandchild.slug).tenants.info()).rejects.toThrow(TenantNotFoundError)
  })
})

describe('no tenant is found', () => {
  test('for whoever has no membership, or several, and names none', async () => {
    const { user } = await installation.enter()
    await installation.addMember((await installation.createTenant()).id, user.id, 'viewer')
    for (const actor of [user, await installation.createUser(), operator, service]) {
      await expect(installation.callerAs(actor).tenants.info()).rejects.toMatchObject({
        code: 'tenant.not_selected',
        status: 400,
      })
    }
  })

  test.each(['no-such-tenant', newId(), '\u0000', 'tenant\ud800', 'two words', `x${'y'.repeat(200)}`])(
    'for the reference %j',
    async (reference) => {
      const { user } = await installation.enter()
      for (const actor of [user, operator, service]) {
        await expect(installation.callerAs(actor, reference).tenants.info()).rejects.toThrow(TenantNotFoundError)
      }
      await expect(installation.callerAs(user).tenants.get({ tenantId: reference })).rejects.toMatchObject({
        code: 'tenant.not_found',
        status: 404,
      })
    },
  )

  test('where path and header name two, even for a member of both', async () => {
    const { tenant, user } = await installation.enter()
    const other = await installation.createTenant()
    await installation.addMember(other.id, user.id, 'owner')
    const caller = installation.callerAs(user, other.id)
    await expect(caller.tenants.get({ tenantId: tenant.id })).rejects.toMatchObject({
      code: 'tenant.mismatch',
      status: 403,
    })
    await expect(caller.tenants.get({ tenantId: other.slug })).resolves.toMatchObject({ id: other.id })
  })
})

test('an attempt on the tenant of a stranger stands in its log and in that of the platform', async () => {
  const { tenant } = await installation.enter()
  const { user: stranger } = await installation.enter()
  const attempt = installation.callerAs(stranger).tenants.update({ tenantId: tenant.slug, name: 'Mine now' })

  await expect(attempt).rejects.toThrow(TenantNotFoundError)
  const entry = {
    action: 'access.denied',
    outcome: 'denied',
    actorType: 'user',
    actorId: stranger.id,
    actorEmail: stranger.email,
    details: { code: 'tenant.not_found', operation: 'tenants.update' },
  }
  expect(await installation.auditEntries(tenant.id)).toMatchObject([entry])
  const platform = await installation.platformAuditEntries()
  expect(platform.filter(({ actorId }) => actorId === stranger.id)).toMatchObject([
    { ...entry, actorEmail: null, concernsTenantId: tenant.id },
  ])
})

test('a suspended tenant shows itself and why, and refuses its owner everything else', async () => {
  const reason = 'Invoice 2041 is unpaid.'
  const { tenant, caller } = await installation.enter({ status: 'suspended', statusReason: reason })
  expect(await caller.tenants.info()).toMatchObject({ status: 'suspended', userRole: 'owner' })
  expect(await caller.tenants.get({ tenantId: tenant.id })).toMatchObject({ status: 'suspended', statusReason: reason })
  const refused = { code: 'tenant.inactive', status: 403, details: { state: 'suspended', reason } }
  await expect(caller.settings.get()).rejects.toMatchObject(refused)
  await expect(caller.tenants.usage()).rejects.toMatchObject(refused)
  await expect(caller.usage.track({ tenantId: tenant.id, metric: 'tokens' })).rejects.toMatchObject(refused)
})
