import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

type Caller = Awaited<ReturnType<TestInstallation['enter']>>['caller']

const write = (caller: Caller, value: number) => caller.tenants.updateSettings({ settings: { custom: { value } } })

async function repeat(times: number, work: (index: number) => Promise<unknown>): Promise<void> {
  for (let index = 1; index <= times; index++) await work(index)
}

test('a tenant has ten updates an hour, whoever makes them, and is told when there are more', async () => {
  const { tenant, caller } = await installation.enter()
  const admin = installation.callerAs(await installation.createMember(tenant.id, 'admin'), tenant.id)
  await repeat(9, (index) => write(caller, index))
  await write(admin, 10)

  for (const one of [caller, admin]) {
    await expect(write(one, 11)).rejects.toMatchObject({
      code: 'rate_limit.exceeded',
      status: 429,
      details: { limit: 10, retryAfterSeconds: expect.toSatisfy((seconds) => seconds > 3_590 && seconds <= 3_600) },
    })
  }
  expect(await caller.settings.get()).toMatchObject({ version: 11, settings: { custom: { value: 10 } } })
  expect(await installation.auditEntries(tenant.id)).toHaveLength(10)
})

test('a platform admin can still change what a tenant has used up', async () => {
  const { tenant, caller } = await installation.enter()
  await repeat(10, (index) => write(caller, index))
  await expect(write(caller, 11)).rejects.toMatchObject({ code: 'rate_limit.exceeded' })

  const raised = { settings: { rateLimits: { updatesPerHour: 20 } } }
  await expect(installation.callerAs(operator, tenant.id).tenants.updateSettings(raised)).resolves.toBeDefined()

  await expect(write(caller, 11)).resolves.toBeDefined()
})

test('the updates of one tenant leave those of another alone', async () => {
  const { caller } = await installation.enter()
  const { caller: other } = await installation.enter()
  await repeat(10, (index) => write(caller, index))
  await expect(write(caller, 11)).rejects.toMatchObject({ code: 'rate_limit.exceeded' })
  await expect(write(other, 1)).resolves.toMatchObject({ version: 2 })
})

test('refused input does not count, a conflict does', async () => {
  const { caller } = await installation.enter()
  const invalid = () => caller.tenants.updateSettings({ settings: { branding: { primaryColor: 'red' } } })
  const restricted = () => caller.tenants.updateSettings({ settings: { rateLimits: { updatesPerHour: 1 } } })
  const malformed = () => caller.tenants.updateSettings({ expectedVersion: 0 })
  const stale = () => caller.tenants.updateSettings({ settings: {}, expectedVersion: 99 })
  await repeat(4, async () => {
    await expect(invalid()).rejects.toMatchObject({ code: 'settings.invalid' })
    await expect(restricted()).rejects.toMatchObject({ code: 'settings.restricted_key' })
    await expect(malformed()).rejects.toMatchObject({ code: 'request.invalid' })
  })
  await repeat(4, () => expect(stale()).rejects.toMatchObject({ code: 'tenant.concurrent_update' }))
  await repeat(6, (index) => write(caller, index))
  await expect(write(caller, 7)).rejects.toMatchObject({ code: 'rate_limit.exceeded' })
})

test('the platform may set the figures of a tenant, and they hold from the next call on', async () => {
  const { tenant, caller } = await installation.enter()
  await caller.settings.get()
  const platform = installation.callerAs(operator, tenant.id)
  await platform.tenants.updateSettings({ settings: { rateLimits: { updatesPerHour: 3, requestsPerMinute: 4 } } })

  await repeat(3, (index) => write(caller, index))
  await expect(write(caller, 4)).rejects.toMatchObject({ code: 'rate_limit.exceeded', details: { limit: 3 } })
  await repeat(3, () => caller.settings.get())
  await expect(caller.settings.get()).rejects.toMatchObject({ code: 'rate_limit.exceeded', details: { limit: 4 } })
})

test('a principal has a hundred reads a minute in each tenant, of whatever operation', async () => {
  const { tenant, user, caller } = await installation.enter()
  const second = await installation.createTenant()
  await installation.addMember(second.id, user.id, 'viewer')
  await repeat(50, () => caller.tenants.info())
  await repeat(50, () => caller.tenants.limits())

  await expect(caller.settings.get()).rejects.toMatchObject({
    code: 'rate_limit.exceeded',
    status: 429,
    details: { limit: 100, retryAfterSeconds: expect.toSatisfy((seconds) => seconds > 0 && seconds <= 60) },
  })
  const colleague = await installation.createMember(tenant.id, 'viewer')
  await expect(installation.callerAs(colleague, tenant.id).tenants.info()).resolves.toMatchObject({ id: tenant.id })
  await expect(installation.callerAs(user, second.id).tenants.info()).resolves.toMatchObject({ id: second.id })
  await expect(write(caller, 1)).resolves.toMatchObject({ version: 2 })
})
