import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { alertsOf, consume, enterLimited, toldOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }

test('an upgrade ends a block at once', async () => {
  const { caller, operators } = await enterLimited(installation, 'free')
  await consume(caller, 'pipeline_runs', 20)
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 20, state: 'blocked' })
  await operators.tenants.update({ ...current, plan: 'starter' })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 200, used: 20, state: 'ok' })
  await consume(caller, 'pipeline_runs', 180)
})

test('a downgrade below what is used blocks, and tells the alerts of the smaller limit without another event', async () => {
  const { tenant, caller, operators } = await enterLimited(installation, 'starter')
  await consume(caller, 'pipeline_runs', 50)
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([])
  await operators.tenants.update({ ...current, plan: 'free' })
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 20, used: 50, state: 'blocked' })
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ details: { limit: 20, used: 50 } })
})

test('an override stays in place of whichever plan', async () => {
  const { caller, operators } = await enterLimited(installation, 'free')
  const overrides = { pipeline_runs: { value: 3 } }
  await operators.limits.setOverrides({ ...current, overrides, reason: 'A trial' })
  await operators.tenants.update({ ...current, plan: 'starter' })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 3, source: 'override' })
  await expect(consume(caller, 'pipeline_runs', 4)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
})
