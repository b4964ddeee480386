import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'
import { emit, listen, resume, versionsOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

for (const { promise, check } of isolationPromises(contract)) test(promise, () => check(installation))

test('the events of another tenant are never seen, not even by its position', async () => {
  const { tenant, caller } = await installation.enter()
  const { tenant: victim, caller: own } = await installation.enter()
  await emit(installation, tenant.id, 1)
  const [first] = (await own.events.list({ tenantId: victim.id })).items
  expect(first).toBeUndefined()
  await emit(installation, victim.id, 2)
  const [stolen] = (await own.events.list({ tenantId: victim.id })).items

  const listening = await listen(caller)
  const behind = await resume(caller, String(Number(stolen?.id) - 1_000))
  await emit(installation, victim.id, 3)
  await emit(installation, tenant.id, 4)
  expect(versionsOf(await listening.take(1))).toEqual([4])
  expect(versionsOf(await behind.take(1))).toEqual([4])
  expect((await caller.events.list({ tenantId: tenant.id })).items.map(({ event }) => event)).toMatchObject([
    { version: 4 },
    { version: 1 },
  ])
  await Promise.all([listening.leave(), behind.leave()])
})
