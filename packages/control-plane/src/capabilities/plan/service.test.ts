import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

test('the plans are listed from the lowest to the highest, with limits, features and prices', async () => {
  const { currency, meters, items } = await installation.callerAs(await installation.createUser()).plans.list()
  expect(currency).toBe('USD')
  expect(items.map(({ name }) => name)).toEqual(['free', 'starter', 'professional', 'business', 'enterprise'])
  expect(items.map(({ limits }) => limits.users)).toEqual([5, 20, 50, 100, null])
  expect(items[0]).toMatchObject({
    title: 'Free',
    monthlyPriceMicros: 0,
    limits: { tokens: 100_000, storage: 1_073_741_824, bandwidth: null },
    features: ['basic_chat', 'team_collaboration', 'basic_events', 'team_formation'],
    overagePrices: {},
  })
  expect(items[1]).toMatchObject({
    monthlyPriceMicros: 29_000_000,
    overagePrices: { tokens: { micros: 4_000_000, per: 1_000_000 } },
  })
  const keys = meters.map(({ meter }) => meter)
  for (const { limits } of items) expect(Object.keys(limits)).toEqual(keys)
  expect(meters).toContainEqual(
    expect.objectContaining({ meter: 'tokens', kind: 'counter', period: 'month', unit: 'tokens' }),
  )
})

test('the list is the same for everybody, and nobody can change it for others', async () => {
  const first = await installation.callerAs(operator).plans.list()
  for (const plan of first.items) Object.assign(plan.limits, { tokens: 0 })
  first.items[0]?.features.push('sso')
  const second = await installation.callerAs({ type: 'service', name: 'shop' }).plans.list()
  expect(second.items[0]).toMatchObject({ limits: { tokens: 100_000 } })
  expect(second.items[0]?.features).not.toContain('sso')
})

test('a tenant whose plan the catalogue no longer has is treated as the lowest, never as unlimited', async () => {
  const { caller } = await installation.enter({ plan: 'retired-plan' })
  expect(await caller.tenants.limits()).toMatchObject({ tier: 'free' })
  expect(await caller.tenants.usage()).toMatchObject({ tokensLimit: 100_000 })
  expect((await caller.tenants.info()).features).not.toContain('api_access')
})
