export { planErrors } from './contract.ts'
export {
  type EffectiveLimit,
  effectiveLimits,
  loadCatalogue,
  type Meter,
  type Plan,
  type PlanCatalogue,
} from './rules/catalogue.ts'
export { featuresOf, planNamed } from './service.ts'
