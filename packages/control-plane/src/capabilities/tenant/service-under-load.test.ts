import { expect, test } from 'vitest'
import { openTestInstallation } from '../../testing.ts'

test('a tenant is changed at once while its usage is recorded without a pause', async () => {
  await using installation = await openTestInstallation()
  const { caller, tenant } = await installation.enter({ plan: 'enterprise' })
  const product = installation.callerAs({ type: 'service', name: 'product' }, tenant.id)
  let changing = true
  const record = async () => {
    let recorded = 0
    while (changing) {
      await product.usage.track({ tenantId: 'current', metric: 'tokens' })
      recorded += 1
    }
    return recorded
  }
  const load = Array.from({ length: 8 }, record)

  const settings = await caller.tenants.updateSettings({ name: 'Changed by settings' })
  const named = await caller.tenants.update({ tenantId: tenant.id, name: 'Changed by name' })
  const known = await caller.tenants.update({ tenantId: tenant.id, externalId: `external-${tenant.slug}` })
  changing = false

  expect(Math.min(...(await Promise.all(load)))).toBeGreaterThan(0)
  expect(settings).toMatchObject({ name: 'Changed by settings' })
  expect([named.name, known.externalId]).toEqual(['Changed by name', `external-${tenant.slug}`])
})
