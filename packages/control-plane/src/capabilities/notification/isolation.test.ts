import type { EntityManager } from '@mikro-orm/postgresql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { findReader, listStewards } from '../member/index.ts'
import { putRole } from '../role/service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const read = { actor: operator, readOnly: true }
const stewardsOf = (tenantId: string, userId?: string) =>
  installation.database.tenantUnit({ ...read, tenantId }, (em: EntityManager) => listStewards(em, userId))

test('who runs a tenant is told of the signed tenant alone, and of nobody above or below it', async () => {
  const { tenant: parent, user: above } = await installation.enter()
  const { tenant, user } = await installation.enter({ parent })
  expect(await stewardsOf(tenant.id)).toEqual([{ userId: user.id, email: user.email }])
  expect(await stewardsOf(parent.id)).toEqual([{ userId: above.id, email: above.email }])
  expect(await stewardsOf(tenant.id, above.id)).toEqual([])
  const unsigned = installation.database.platformUnit(read, (em) => listStewards(em))
  expect(await unsigned).toEqual([])
})

test('who runs a tenant is not told to the application', async () => {
  const { tenant } = await installation.enter()
  const unit = { ...read, tenantId: tenant.id, asOperator: false }
  const asked = installation.database.tenantUnit(unit, (em: EntityManager) => listStewards(em))
  await expect(asked).rejects.toThrow(/permission denied/)
})

const readerOf = (tenantId: string, userId: string) =>
  installation.database.tenantUnit({ ...read, tenantId }, (em: EntityManager) => findReader(em, userId))

test('an address is told of who reaches the signed tenant, by whatever they hold there or above, and of nobody else', async () => {
  const { tenant: parent, user: above } = await installation.enter()
  const { tenant, user } = await installation.enter({ parent })
  const viewer = await installation.createMember(tenant.id, 'viewer')
  const aboveOnly = await installation.createMember(parent.id, 'member')
  const role = { tenantId: parent.id, scopes: ['tenant:manage'] }
  await putRole(installation, { ...role, userId: aboveOnly.id, name: 'Here only' })
  const { user: stranger } = await installation.enter()
  for (const { id: userId, email } of [above, user, viewer])
    expect(await readerOf(tenant.id, userId)).toEqual({ userId, email })
  for (const { id } of [aboveOnly, stranger]) expect(await readerOf(tenant.id, id)).toBeNull()
  await putRole(installation, { ...role, userId: aboveOnly.id, name: 'Below too', inheritable: true })
  expect(await readerOf(tenant.id, aboveOnly.id)).toMatchObject({ email: aboveOnly.email })
  await installation.callerAs(operator).users.deactivate({ userId: viewer.id, reason: 'left' })
  expect(await readerOf(tenant.id, viewer.id)).toBeNull()
  expect(await installation.database.platformUnit(read, (em) => findReader(em, user.id))).toBeNull()
})

test('an address is not told to the application', async () => {
  const { tenant, user } = await installation.enter()
  const unit = { ...read, tenantId: tenant.id, asOperator: false }
  const asked = installation.database.tenantUnit(unit, (em: EntityManager) => findReader(em, user.id))
  await expect(asked).rejects.toThrow(/permission denied/)
})
