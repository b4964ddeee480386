import { randomUUID } from 'node:crypto'
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
  'limits.request': { meter: 'tokens', value: 5, reason: 'Any' },
  'limits.decide': { requestId: randomUUID(), decision: 'declined', reason: 'Any' },
}
for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))
