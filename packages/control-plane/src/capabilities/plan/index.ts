export { planErrors } from './contract.ts'
export {
  type CatalogueReading,
  type EffectiveLimit,
  effectiveLimits,
  loadCatalogue,
  type Meter,
  type MeterSource,
  type Plan,
  type PlanCatalogue,
  readCatalogue,
} from './rules/catalogue.ts'
export { featuresNow, featuresOf, planNamed } from './service.ts'
