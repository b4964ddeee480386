import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  openTestInstallation,
  operator,
  type TestInstallation,
  type TestTenant,
  type TestUser,
} from '../src/testing.ts'
import { createFixture, type Fixture, type FixtureCall } from './pipeline.fixture.ts'

const hour = 3_600_000
let now: Date
let installation: TestInstallation
let owner: TestUser
let admin: TestUser
let tenant: TestTenant
let fixture: Fixture
let call: FixtureCall

beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
})

afterAll(() => installation.close())

beforeEach(async () => {
  now = new Date('2026-11-21T10:00:00Z')
  tenant = await installation.createTenant()
  owner = await installation.createUser()
  admin = await installation.createUser()
  await installation.addMember(tenant.id, owner.id, 'owner')
  await installation.addMember(tenant.id, admin.id, 'admin')
  fixture = createFixture(installation)
  call = { caller: owner, tenant, idempotencyKey: 'key-1' }
})

/** As the superuser sees them. */
async function records(
  sql = 'select * from tenantry.idempotency_records where tenant_id = $1 order by created_at',
  values: unknown[] = [tenant.id],
) {
  const client = new pg.Client(installation.testDatabase.adminUrl)
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}

const written = async (of = tenant) =>
  (await installation.auditEntries(of.id)).filter(({ action }) => action === 'fixture.written').length

test('the same key with the same body answers again what it answered, and does nothing again', async () => {
  let effects = 0
  fixture.behaviour.effect = () => {
    effects++
  }
  const first = await fixture.call(call, { version: 1, secret: 'kept' })
  now = new Date(now.getTime() + hour)
  const again = await fixture.call(call, { secret: 'kept', outcome: 'success', version: 1 })
  expect(again.answer).toEqual(first.answer)
  expect(again.answer.at).toBe('2026-11-21T10:00:00.000Z')
  expect(first.headers).not.toHaveProperty('Idempotency-Replayed')
  expect(again.headers).toMatchObject({ 'Idempotency-Replayed': 'true' })
  expect([effects, await written(), (await records()).length]).toEqual([1, 1, 1])
})

test('the answer of a tenant that was suspended since is not told again, and is once it is active', async () => {
  const operators = installation.callerAs(operator, tenant.id).tenants
  const { answer } = await fixture.call(call, { version: 1 })
  await operators.suspend({ tenantId: tenant.id, reason: 'unpaid' })
  await expect(fixture.call(call, { version: 1 })).rejects.toMatchObject({ code: 'tenant.inactive' })
  await operators.reactivate({ tenantId: tenant.id, reason: 'paid' })
  expect(await fixture.call(call, { version: 1 })).toMatchObject({ answer })
  expect(await written()).toBe(1)
})

test('the same key with another body is refused', async () => {
  await fixture.call(call, { version: 1 })
  const other = fixture.call(call, { version: 2 })
  await expect(other).rejects.toMatchObject({ code: 'idempotency.conflict', status: 422 })
  expect(await written()).toBe(1)
})

test('a second call while the first one runs is told so, and replays afterwards', async () => {
  const entered = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  fixture.behaviour.meanwhile = async () => {
    entered.resolve()
    await released.promise
  }
  const first = fixture.call(call, { version: 1 })
  await entered.promise
  await expect(fixture.call(call, { version: 1 })).rejects.toMatchObject({
    code: 'idempotency.in_progress',
    status: 409,
    details: { retryAfterSeconds: 1 },
  })
  released.resolve()
  const { answer } = await first
  expect(await fixture.call(call, { version: 1 })).toMatchObject({
    answer,
    headers: { 'Idempotency-Replayed': 'true' },
  })
  expect(await written()).toBe(1)
})

test('of many calls at once with one key one does the work', async () => {
  const settled = await Promise.allSettled(Array.from({ length: 8 }, () => fixture.call(call, { version: 1 })))
  const refused = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
  expect(new Set(refused).size).toBeLessThanOrEqual(1)
  expect(refused.every((code) => code === 'idempotency.in_progress')).toBe(true)
  const answers = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value.answer.call] : []))
  expect(new Set(answers)).toEqual(new Set([1]))
  expect(await written()).toBe(1)
})

test.each(['declared error', 'unknown error', 'wrong output', 'swallowed failure'] as const)(
  'a call that ended in a %s is not kept: the key is free for another try and another body',
  async (outcome) => {
    await expect(fixture.call(call, { version: 1, outcome })).rejects.toThrow()
    expect(await records()).toEqual([])
    const { headers } = await fixture.call(call, { version: 2 })
    expect(headers).not.toHaveProperty('Idempotency-Replayed')
    expect(await written()).toBe(1)
  },
)

test('another principal, tenant or operation has the key for itself', async () => {
  const other = await installation.createTenant()
  await installation.addMember(other.id, owner.id, 'owner')
  await fixture.call(call, { version: 1, secret: 'mine' })
  const others: FixtureCall[] = [
    { ...call, caller: admin },
    { ...call, caller: { type: 'service', name: owner.id } },
    { ...call, tenant: other },
    { ...call, procedure: 'rewrite' },
  ]
  for (const [index, another] of others.entries()) {
    const { answer, headers } = await fixture.call(another, { version: index + 2 })
    expect(answer.secret).toBeNull()
    expect(headers).not.toHaveProperty('Idempotency-Replayed')
  }
  expect([await written(), await written(other)]).toEqual([4, 1])
})

test('who lost the right to the operation is not answered from the store', async () => {
  const service = { type: 'service', name: 'importer' } as const
  await fixture.call({ ...call, caller: service }, { version: 1 })
  const narrowed = { ...service, scopes: ['settings:read'] }
  await expect(fixture.call({ ...call, caller: narrowed }, { version: 1 })).rejects.toMatchObject({
    code: 'auth.permission_denied',
  })
})

test('the stored answer is encrypted, and opens in its own place only', async () => {
  await fixture.call(call, { version: 1, secret: 'a-secret-word' })
  await fixture.call({ ...call, idempotencyKey: 'key-2' }, { version: 2, secret: 'another-word' })
  const [first] = await records(
    `select r::text as text, response from tenantry.idempotency_records r where tenant_id = $1 and key = 'key-1'`,
  )
  expect(first.text).not.toContain('a-secret-word')
  expect(first.response).toMatch(/^v1\.test\.[\w-]+$/)

  const swap = `update tenantry.idempotency_records set response = $2 where tenant_id = $1 and key = 'key-2'`
  await records(swap, [tenant.id, first.response])
  const replay = fixture.call({ ...call, idempotencyKey: 'key-2' }, { version: 2, secret: 'another-word' })
  await expect(replay).rejects.toMatchObject({ code: 'internal', message: expect.not.stringContaining('secret') })
})

test('an answer is kept for 24 hours and no longer', async () => {
  await fixture.call(call, { version: 1 })
  now = new Date(now.getTime() + 24 * hour)
  expect((await fixture.call(call, { version: 1 })).headers).toHaveProperty('Idempotency-Replayed')
  now = new Date(now.getTime() + 1)
  const late = await fixture.call(call, { version: 2 })
  expect(late).toMatchObject({
    answer: { version: 2, call: 2 },
    headers: expect.not.objectContaining({ 'Idempotency-Replayed': 'true' }),
  })
  // The new answer has taken the old one's place.
  expect((await fixture.call(call, { version: 2 })).answer).toEqual(late.answer)
  expect(await records()).toMatchObject([{ created_at: now }])
})

test.each(['two words', 'tab\there', 'ü', '', 'k'.repeat(256)])('%j is no Idempotency-Key', async (idempotencyKey) => {
  await expect(fixture.call({ ...call, idempotencyKey }, { version: 1 })).rejects.toMatchObject({
    code: 'request.invalid',
    details: { issues: [{ path: 'Idempotency-Key' }] },
  })
  expect(await written()).toBe(0)
})

test('without a key every call is a call of its own', async () => {
  const { idempotencyKey: _, ...plain } = call
  await fixture.call(plain, { version: 1 })
  await fixture.call(plain, { version: 2 })
  expect([await written(), (await records()).length]).toEqual([2, 0])
})
