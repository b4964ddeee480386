import type { Meter, Plan } from './catalogue.ts'

/** The next plan that includes more of the meter than that; null where none does. `plans` ascend. */
export function upgradeFor(plans: readonly Plan[], current: Plan, { key }: Pick<Meter, 'key'>, included: number) {
  const higher = plans.slice(plans.findIndex(({ name }) => name === current.name) + 1)
  return higher.find(({ limits: { [key]: limit = 0 } }) => limit === null || limit > included) ?? null
}
