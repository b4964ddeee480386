import { afterAll, beforeAll, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const inputs = {
  'subscription.preview': { plan: 'starter' },
  'subscription.change': { plan: 'starter' },
  'subscription.upgrade': { plan: 'starter' },
  'subscription.downgrade': { plan: 'starter' },
}
for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))
