import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

// What is asked about oneself needs nothing but access to the tenant.
const inputs = { 'access.check': { permission: 'usage:read' } }
for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))

test('what one tenant has used or may have does not show in what another is told', async () => {
  const { tenant, user } = await installation.enter({ plan: 'free' })
  const other = await installation.createTenant({ plan: 'enterprise' })
  await installation.addMember(other.id, user.id, 'viewer')
  const question = { permission: 'settings:write', feature: 'sso', meter: 'tokens' }
  const ask = (tenantId: string) => installation.callerAs(user).access.check({ tenantId, ...question })
  await installation.callerAs(user, tenant.id).usage.track({ tenantId: 'current', metric: 'tokens', amount: 200_000 })
  for (let times = 0; times < 2; times++) {
    expect((await ask(tenant.id)).reasons.map(({ code }) => code)).toEqual([
      'plan.feature_missing',
      'usage.limit_exceeded',
    ])
    const told = await ask(other.id)
    expect(told.reasons.map(({ code }) => code)).toEqual(['auth.permission_denied'])
    expect(told.usage).toMatchObject({ used: 0, limit: null })
  }
})

test('a user of another tenant is no member here, whether or not there is such a user', async () => {
  const { tenant, user } = await installation.enter()
  const { user: stranger } = await installation.enter()
  const ask = async (userId: string) => {
    const { principal, ...told } = await installation.callerAs(user).access.explain({ tenantId: tenant.id, userId })
    expect(principal).toEqual({ type: 'user', id: userId })
    return JSON.parse(JSON.stringify(told).replaceAll(userId, '<user>'))
  }
  const told = await ask(stranger.id)
  expect(told).toMatchObject({ allowed: false, role: null })
  expect(told).toEqual(await ask(newId()))
})
