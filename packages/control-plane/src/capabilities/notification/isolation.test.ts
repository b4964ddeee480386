import type { EntityManager } from '@mikro-orm/postgresql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { listStewards } from '../member/index.ts'

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
