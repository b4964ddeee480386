import { afterAll, beforeAll, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const reservationId = '019cf6a1-4e00-7000-8000-000000000001'
const inputs = {
  'usage.reserve': { metric: 'tokens', amount: 1 },
  'usage.reservation': { reservationId },
  'usage.commit': { reservationId },
  'usage.release': { reservationId },
}

for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))
