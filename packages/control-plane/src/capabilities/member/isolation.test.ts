import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { PermissionDeniedError } from '../../errors.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

for (const { promise, check } of isolationPromises(contract)) test(promise, () => check(installation))

test('what a user sees of memberships is never those of somebody else', async () => {
  const { tenant, user } = await installation.enter()
  const { tenant: own, user: stranger } = await installation.enter()
  const reach = async (who: typeof user) =>
    (await installation.callerAs(who).me.get()).memberships.map(({ slug }) => slug)
  expect(await reach(user)).toEqual([tenant.slug])
  expect(await reach(stranger)).toEqual([own.slug])
})

test.each([{ type: 'service', name: 'billing' } as const, { type: 'system', name: 'retention' } as const])(
  'me.get refuses a $type, which is no user',
  async (actor) => {
    await expect(installation.callerAs(actor).me.get()).rejects.toBeInstanceOf(PermissionDeniedError)
  },
)
