import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { emit } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const versions = ({ items }: { items: { event: object }[] }) =>
  items.map(({ event }) => ('version' in event ? event.version : null))

test('pages hold every event once, the newest first', async () => {
  const { tenant, caller } = await installation.enter()
  for (let version = 1; version <= 7; version += 1) await emit(installation, tenant.id, version)
  const list = (cursor?: string) => caller.events.list({ tenantId: 'current', limit: 3, ...(cursor ? { cursor } : {}) })
  const first = await list()
  const second = await list(first.nextCursor ?? '')
  await emit(installation, tenant.id, 8)
  const third = await list(second.nextCursor ?? '')
  expect([first, second, third].map(versions)).toEqual([[7, 6, 5], [4, 3, 2], [1]])
  expect(third.nextCursor).toBeNull()
})

test('the last page is known as such though it is full', async () => {
  const { tenant, caller } = await installation.enter()
  for (const version of [1, 2]) await emit(installation, tenant.id, version)
  expect((await caller.events.list({ tenantId: 'current', limit: 2 })).nextCursor).toBeNull()
})

test('a cursor that is none is refused', async () => {
  const { caller } = await installation.enter()
  await expect(caller.events.list({ tenantId: 'current', cursor: "1' or true" })).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: 'cursor' }] },
  })
})

test('a change of the tenant, its settings and its usage is told by name, not by value', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const { version } = await caller.tenants.update({
    tenantId: 'current',
    contactEmail: 'secret@people.test',
    tags: ['a'],
  })
  const settings = await caller.tenants.updateSettings({
    name: 'Acme Bakery',
    settings: { security: { ipWhitelist: ['203.0.113.7'] } },
  })
  await caller.usage.track({ tenantId: 'current', metric: 'tokens', amount: 85_000 })
  await installation.dependencies.services.metering.told(tenant.id)
  const { items } = await caller.events.list({ tenantId: 'current' })
  expect(items.map(({ event }) => event)).toEqual([
    {
      type: 'usage.threshold_reached',
      occurredAt: expect.any(String),
      meter: 'tokens',
      thresholdPercent: 80,
      state: 'warning',
      used: 85_000,
      limit: 100_000,
      hardLimit: 110_000,
      resetsAt: expect.any(String),
    },
    { type: 'tenant.updated', occurredAt: expect.any(String), changed: ['name'], version: version + 1 },
    {
      type: 'settings.updated',
      occurredAt: expect.any(String),
      changed: ['name', 'settings.security.ipWhitelist'],
      version: settings.version,
    },
    { type: 'tenant.updated', occurredAt: expect.any(String), changed: ['contactEmail', 'tags'], version },
  ])
  expect(JSON.stringify(items)).not.toMatch(/secret@|203\.0\.113/)
})

test('what changes nothing, or is refused, is no event', async () => {
  const { tenant, caller } = await installation.enter()
  await caller.tenants.update({ tenantId: 'current', name: `Tenant ${tenant.slug}` })
  await caller.tenants.updateSettings({ settings: {} })
  await caller.usage.track({ tenantId: 'current', metric: 'tokens' })
  await expect(caller.tenants.update({ tenantId: 'current', name: 'Renamed', expectedVersion: 9 })).rejects.toThrow()
  expect((await caller.events.list({ tenantId: 'current' })).items).toEqual([])
})
