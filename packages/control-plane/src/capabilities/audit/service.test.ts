import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

test('an entry says who did what to what, when, and on behalf of which request', async () => {
  const { tenant, user } = await installation.enter()
  const requestId = randomUUID()
  const startedAt = Date.now()
  await installation
    .callerAs(user, tenant.id, { requestId })
    .tenants.update({ tenantId: tenant.id, name: 'Acme Bakery' })

  const [entry] = await installation.auditEntries(tenant.id)
  expect(entry).toEqual({
    id: expect.any(String),
    tenantId: tenant.id,
    at: expect.any(Date),
    action: 'tenant.updated',
    outcome: 'success',
    actorType: 'user',
    actorId: user.id,
    actorEmail: user.email,
    targetType: 'tenant',
    targetId: tenant.id,
    changes: { name: { before: `Tenant ${tenant.slug}`, after: 'Acme Bakery' } },
    details: null,
    clientAddress: null,
    userAgent: null,
    requestId,
  })
  expect(entry?.at.getTime()).toBeGreaterThanOrEqual(startedAt)
})

test.each([
  [{ type: 'service', name: 'onboarding' } as const, 'onboarding', null],
  [{ type: 'system', name: 'retention' } as const, 'retention', null],
  [operator, operator.id, operator.email],
])('an entry names the actor %j', async (actor, actorId, actorEmail) => {
  const tenant = await installation.createTenant()
  await installation.callerAs(actor).tenants.update({ tenantId: tenant.id, tags: ['pilot'] })
  expect(await installation.auditEntries(tenant.id)).toMatchObject([{ actorType: actor.type, actorId, actorEmail }])
})

test('a request id of any length is no reason to lose the change', async () => {
  const { tenant, user } = await installation.enter()
  await installation
    .callerAs(user, tenant.id, { requestId: 'x'.repeat(1000) })
    .tenants.update({ tenantId: tenant.id, tags: ['pilot'] })
  expect(await installation.auditEntries(tenant.id)).toMatchObject([{ requestId: 'x'.repeat(100) }])
})

test('a read writes no entry', async () => {
  const { tenant, caller } = await installation.enter()
  await caller.tenants.info()
  await caller.tenants.get({ tenantId: tenant.id })
  await caller.tenants.usage()
  await caller.tenants.limits()
  await caller.settings.get()
  await caller.settings.schema()
  expect(await installation.auditEntries(tenant.id)).toEqual([])
})

test('a caller that keeps knocking fills no log', async () => {
  const { tenant } = await installation.enter()
  const stranger = await installation.createUser()
  const caller = installation.callerAs(stranger, tenant.id)
  for (let attempt = 0; attempt < 40; attempt++) {
    const code = attempt < 30 ? 'tenant.not_found' : 'rate_limit.exceeded'
    await expect(caller.tenants.info()).rejects.toMatchObject({ code })
  }
  expect(await installation.auditEntries(tenant.id)).toHaveLength(30)
})
