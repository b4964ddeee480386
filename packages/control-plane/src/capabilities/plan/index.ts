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
export { upgradeFor } from './rules/upgrade.ts'
export { meterAmount, meterName } from './rules/wording.ts'
export { featuresNow, featuresOf, planNamed } from './service.ts'
