import { expect, test } from 'vitest'
import { loadCatalogue } from './catalogue.ts'
import { upgradeFor } from './upgrade.ts'

test('an upgrade is the next plan that includes more of the meter', () => {
  const { plans } = loadCatalogue()
  const named = (name: string) => plans.find((plan) => plan.name === name) ?? expect.fail(name)
  const [lowest, highest] = [plans[0]?.name ?? '', plans.at(-1)?.name ?? '']
  const upgrade = upgradeFor(plans, named(lowest), { key: 'tokens' }, named(lowest).limits.tokens ?? 0)
  expect(upgrade?.name).toBe(plans[1]?.name)
  expect(upgradeFor(plans, named(highest), { key: 'tokens' }, 1)).toBeNull()
  expect(upgradeFor(plans, named(lowest), { key: 'nothing' }, 1)).toBeNull()
  const beyondAll = upgradeFor(plans, named(lowest), { key: 'tokens' }, Number.MAX_SAFE_INTEGER)
  expect(beyondAll?.limits.tokens ?? null).toBeNull()
})
