import { expect, test } from 'vitest'
import { findMissingPlans } from './dependencies.ts'
import { openTestInstallation } from './testing.ts'

test('a plan that tenants have but the catalogue lacks is named', async () => {
  await using installation = await openTestInstallation()
  await installation.createTenant({ plan: 'starter' })
  expect(await findMissingPlans(installation.dependencies)).toEqual([])
  await installation.createTenant({ plan: 'discontinued' })
  expect(await findMissingPlans(installation.dependencies)).toEqual(['discontinued'])
})
