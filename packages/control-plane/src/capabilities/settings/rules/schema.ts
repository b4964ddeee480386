import '@tenantry/kernel/contract/plain-words'
import { z } from 'zod'
import { branding, businessHours, localization } from './groups/appearance.ts'
import { assistant, messaging, notifications } from './groups/communication.ts'
import { analytics, compliance, rateLimits, security } from './groups/governance.ts'
import { appointments, catalog, custom, features, integrations, orders } from './groups/product.ts'

/** The one declaration of the settings document. Parse effective documents only: an absent key becomes its default. */
export const settingsSchema = z.strictObject({
  branding,
  notifications,
  security,
  features,
  integrations,
  businessHours,
  compliance,
  rateLimits,
  localization,
  analytics,
  assistant,
  catalog,
  orders,
  messaging,
  appointments,
  custom,
})

/** Every key with the value that holds. */
export type Settings = z.output<typeof settingsSchema>

/** Only what was set: what is stored, and what is left of a document once sensitive keys are hidden. */
export type StoredSettings = z.input<typeof settingsSchema>
