import type { Plan, PlanCatalogue } from '../../plan/index.ts'

const difference = (one: readonly string[], other: readonly string[]) => one.filter((name) => !other.includes(name))

const namesIn = (before: readonly string[], after: readonly string[]) => ({
  added: difference(after, before),
  removed: difference(before, after),
})

type Fields = Record<string, unknown>
type Named = Record<string, Fields>

/** What is another in those that stay. */
function changedIn(before: Named, after: Named) {
  return Object.entries(after).flatMap(([name, fields]) => {
    const known = before[name]
    if (known === undefined) return []
    const differing = Object.keys(fields).filter((key) => JSON.stringify(fields[key]) !== JSON.stringify(known[key]))
    return differing.length === 0 ? [] : [{ name, fields: differing }]
  })
}

const compared = (before: Named, after: Named) => ({
  ...namesIn(Object.keys(before), Object.keys(after)),
  changed: changedIn(before, after),
})

const plansOf = ({ plans, meters }: PlanCatalogue): Named =>
  Object.fromEntries(
    plans.map(({ name, limits: _, features: __, grace, ...fields }) => [
      name,
      { ...fields, grace: Object.keys(meters).map((meter) => [meter, grace(meter)]) },
    ]),
  )

const metersOf = ({ meters }: PlanCatalogue): Named =>
  Object.fromEntries(Object.entries(meters).map(([key, meter]) => [key, { ...meter }]))

const scopesOf = ({ scopes }: PlanCatalogue): Named =>
  Object.fromEntries(scopes.map((scope) => [scope.name, { ...scope }]))

/** What a new catalogue says otherwise. */
export function diffCatalogues(before: PlanCatalogue, after: PlanCatalogue) {
  const kept = after.plans.flatMap((plan): [Plan, Plan][] => {
    const known = before.plan(plan.name)
    return known === null ? [] : [[known, plan]]
  })
  return {
    plans: compared(plansOf(before), plansOf(after)),
    meters: compared(metersOf(before), metersOf(after)),
    limits: kept.flatMap(([known, plan]) => changedLimits(known, plan)),
    features: namesIn(before.features, after.features),
    planFeatures: kept
      .map(([known, plan]) => ({ plan: plan.name, ...namesIn([...known.features], [...plan.features]) }))
      .filter(({ added, removed }) => added.length + removed.length > 0),
    scopes: compared(scopesOf(before), scopesOf(after)),
    order: String(before.order.filter((name) => after.plan(name))) !== String(kept.map(([, { name }]) => name)),
  }
}

function changedLimits(before: Plan, after: Plan) {
  return Object.entries(after.limits).flatMap(([meter, limit]) => {
    const known = before.limits[meter]
    return known === undefined || known === limit ? [] : [{ plan: after.name, meter, before: known, after: limit }]
  })
}
