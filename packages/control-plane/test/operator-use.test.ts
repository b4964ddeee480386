import type { Database } from '@tenantry/kernel/context/dependencies'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInternalCaller } from '../src/caller.ts'
import { openTestInstallation, operator, type TestInstallation, type TestTenant } from '../src/testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const colleague = { ...operator, id: '00000000-0000-7000-8000-000000000001', email: 'colleague@platform.test' }

/** What stands in both logs, once it is the same in both. */
async function uses({ id }: TestTenant) {
  const own = await installation.auditEntries(id)
  const concerning = (await installation.platformAuditEntries()).filter(
    ({ concernsTenantId }) => concernsTenantId === id,
  )
  const told = (entries: readonly { action: string; actorId?: string | null | undefined; details?: unknown }[]) =>
    entries.map(({ action, actorId, details }) => ({ action, actorId, ...(details as object) }))
  expect(told(concerning)).toEqual(told(own))
  return told(own)
}

describe('what an operator does in a tenant stands in both logs', () => {
  test('where it is a read, kept or not, each operation by its name', async () => {
    const tenant = await installation.createTenant()
    const caller = installation.callerAs(operator, tenant.id)
    await caller.tenants.info()
    await caller.settings.get()
    await caller.access.check({ ...current, permission: 'usage:read' })
    const read = { action: 'platform.read', actorId: operator.id }
    expect(await uses(tenant)).toEqual([
      { ...read, operation: 'tenants.info' },
      { ...read, operation: 'settings.get' },
      { ...read, operation: 'access.check' },
    ])
  })

  test('where it is a stream, from its start', async () => {
    const tenant = await installation.createTenant()
    const leaving = new AbortController()
    const caller = installation.callerAs(operator, tenant.id, { signal: leaving.signal })
    for await (const _first of await caller.events.watch({})) leaving.abort()
    expect(await uses(tenant)).toMatchObject([{ action: 'platform.read', operation: 'events.watch' }])
  })

  test('where it is a change that leaves no entry of its own', async () => {
    const tenant = await installation.createTenant()
    const caller = installation.callerAs(operator, tenant.id)
    await caller.usage.track({ ...current, metric: 'tokens' })
    await caller.tenants.update({ ...current, tags: [] })
    const call = { action: 'platform.call', actorId: operator.id }
    expect(await uses(tenant)).toEqual([
      { ...call, operation: 'usage.track' },
      { ...call, operation: 'tenants.update' },
    ])
  })

  test('once where it leaves an entry of its own, and where the operator is refused not as done', async () => {
    const tenant = await installation.createTenant()
    await installation.callerAs(operator, tenant.id).tenants.update({ ...current, tags: ['pilot'] })
    expect((await uses(tenant)).map(({ action }) => action)).toEqual(['tenant.updated'])
    const suspended = await installation.createTenant({ status: 'suspended' })
    await expect(installation.callerAs(operator, suspended.id).settings.get()).rejects.toThrow('suspended')
    expect(await uses(suspended)).toEqual([])
  })
})

test('who asks again and again is written down once for each operator, tenant and operation', async () => {
  const [one, other] = [await installation.createTenant(), await installation.createTenant()]
  for (let times = 0; times < 10; times++) {
    await Promise.all([operator, colleague].map((who) => installation.callerAs(who, one.id).tenants.info()))
    await installation.callerAs(operator, other.id).tenants.info()
  }
  expect((await uses(one)).map(({ actorId }) => actorId).sort()).toEqual([operator.id, colleague.id].sort())
  expect(await uses(other)).toHaveLength(1)
})

test('an operator is answered where the log cannot be written, and the next read is written', async () => {
  const tenant = await installation.createTenant()
  const caller = installation.callerAs(operator, tenant.id)
  const client = new pg.Client(installation.testDatabase.adminUrl)
  await client.connect()
  try {
    await client.query('revoke insert on tenantry.platform_audit_entries from tenantry_platform')
    expect(await caller.tenants.limits()).toMatchObject({ tier: 'business' })
  } finally {
    await client.query('grant insert on tenantry.platform_audit_entries to tenantry_platform')
    await client.end()
  }
  await caller.tenants.limits()
  const entries = (await installation.platformAuditEntries()).filter(
    ({ concernsTenantId }) => concernsTenantId === tenant.id,
  )
  expect(entries).toMatchObject([{ action: 'platform.read', details: { operation: 'tenants.limits' } }])
})

test('the reads of everybody else leave nothing, and cost nothing', async () => {
  const { tenant, user } = await installation.enter()
  const units: string[] = []
  const database = new Proxy(installation.dependencies.database, {
    get: (target, name: keyof Database) => (unit: never, work: never, values: never) => {
      units.push(name)
      return target[name](unit, work, values)
    },
  })
  const dependencies = { ...installation.dependencies, database }
  for (const actor of [
    { type: 'user', ...user, name: null },
    { type: 'service', name: 'billing' },
  ] as const) {
    const caller = createInternalCaller(dependencies, { actor, tenantId: tenant.id })
    await caller.tenants.info()
    units.length = 0
    await caller.tenants.info()
    expect(units).toEqual([])
  }
  expect(await installation.auditEntries(tenant.id)).toEqual([])
})

test('what an operator reads across tenants stands in the log of the platform', async () => {
  await installation.callerAs(colleague).tenants.list({ limit: 1 })
  expect((await installation.platformAuditEntries()).at(-1)).toMatchObject({
    action: 'platform.read',
    actorId: colleague.id,
    concernsTenantId: null,
    details: { operation: 'tenants.list' },
  })
})

test('what an operator asks of no tenant leaves nothing', async () => {
  const before = (await installation.platformAuditEntries()).length
  await installation.callerAs(colleague).me.get()
  await installation.callerAs(colleague).plans.list()
  expect(await installation.platformAuditEntries()).toHaveLength(before)
})
