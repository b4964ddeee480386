import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { SettingsRevision } from '../src/capabilities/settings/entity.ts'
import {
  openTestInstallation,
  operator,
  type TestInstallation,
  type TestTenant,
  type TestUser,
} from '../src/testing.ts'
import { createFixture, type Fixture, type Outcome } from './pipeline.fixture.ts'

let installation: TestInstallation
let owner: TestUser
let tenant: TestTenant
let fixture: Fixture

beforeAll(async () => {
  installation = await openTestInstallation()
  owner = await installation.createUser()
})

afterAll(() => installation.close())

beforeEach(async () => {
  tenant = await installation.createTenant()
  await installation.addMember(tenant.id, owner.id, 'owner')
  fixture = createFixture(installation)
})

const versionsOf = ({ id }: TestTenant) =>
  installation.database.tenantUnit(
    { tenantId: id, actor: { type: 'system', name: 'test' }, readOnly: true },
    async (em) => (await em.find(SettingsRevision, {})).map(({ version }) => version),
  )

test('what succeeds leaves its row and its audit entry, and its effect sees both committed', async () => {
  const seen: unknown[] = []
  fixture.behaviour.effect = async () => {
    seen.push(await versionsOf(tenant), await installation.auditEntries(tenant.id))
  }
  const { answer } = await fixture.call({ caller: owner, tenant }, { version: 1 })
  expect(answer).toMatchObject({ version: 1, call: 1 })
  expect(seen).toMatchObject([[1], [{ action: 'fixture.written', actorId: owner.id, outcome: 'success' }]])
})

const failures: [Outcome, string][] = [
  ['declared error', 'fixture.refused'],
  ['unknown error', 'internal'],
  ['wrong output', 'internal'],
  ['failed statement', 'internal'],
  ['swallowed failure', 'internal'],
  ['unwritable audit entry', 'internal'],
]

test.each(failures)(
  'a mutation that ends in a %s leaves no row, no audit entry and no effect',
  async (outcome, code) => {
    let effects = 0
    fixture.behaviour.effect = () => {
      effects++
    }
    await expect(fixture.call({ caller: owner, tenant }, { version: 1, outcome })).rejects.toMatchObject({ code })
    expect(await versionsOf(tenant)).toEqual([])
    expect(await installation.auditEntries(tenant.id)).toEqual([])
    expect(effects).toBe(0)
    // The same version again: nothing of the failure is left in the way, in the table or in the pooled session.
    expect((await fixture.call({ caller: owner, tenant }, { version: 1 })).answer.version).toBe(1)
    expect(effects).toBe(1)
  },
)

test('an effect that fails costs neither the answer nor the effects after it', async () => {
  fixture.behaviour.effect = () => {
    throw new Error('the cache is gone')
  }
  await fixture.call({ caller: owner, tenant }, { version: 1 })
  expect(await versionsOf(tenant)).toEqual([1])
})

test('a query cannot write', async () => {
  const query = fixture.call({ caller: owner, tenant, procedure: 'peek' }, { version: 1 })
  await expect(query).rejects.toMatchObject({ code: 'internal' })
  expect(await versionsOf(tenant)).toEqual([])
})

test('who may not is refused before anything runs, and that is audited although nothing else is', async () => {
  const viewer = await installation.createUser()
  await installation.addMember(tenant.id, viewer.id, 'viewer')
  const refused = fixture.call({ caller: viewer, tenant }, { version: 1 })
  await expect(refused).rejects.toMatchObject({
    code: 'auth.permission_denied',
    details: { missingScope: 'settings:write' },
  })
  expect(await versionsOf(tenant)).toEqual([])
  expect(await installation.auditEntries(tenant.id)).toMatchObject([
    { action: 'access.denied', outcome: 'denied', actorId: viewer.id, details: { operation: 'write' } },
  ])
})

test('what an operator does to a tenant stands in the tenant’s log and the installation’s, or in neither', async () => {
  const before = (await installation.platformAuditEntries()).length
  const call = { caller: operator, tenant }
  await expect(fixture.call(call, { version: 1, outcome: 'declared error' })).rejects.toMatchObject({
    code: 'fixture.refused',
  })
  expect((await installation.platformAuditEntries()).length).toBe(before)

  await fixture.call(call, { version: 1 })
  expect(await installation.auditEntries(tenant.id)).toMatchObject([
    { action: 'fixture.written', actorType: 'platformAdmin' },
  ])
  expect((await installation.platformAuditEntries()).slice(before)).toMatchObject([
    { action: 'fixture.written', actorType: 'platformAdmin', concernsTenantId: tenant.id },
  ])
})

test('a unit of work that asks for a second connection of its pool is refused in tests', async () => {
  const { database } = installation
  const actor = { type: 'system', name: 'test' } as const
  const unit = { tenantId: tenant.id, actor, readOnly: true }
  const nested = database.tenantUnit(unit, () => database.userUnit({ userId: owner.id, readOnly: true }, async () => 1))
  await expect(nested).rejects.toThrow('open already')
  // Another pool is no matter, and what has ended holds nothing.
  const across = database.tenantUnit(unit, () => database.platformUnit({ actor, readOnly: true }, async () => 2))
  expect(await across).toBe(2)
})
