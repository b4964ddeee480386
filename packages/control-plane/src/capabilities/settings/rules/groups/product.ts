import { textProblem } from '@tenantry/kernel/contract/text'
import { z } from 'zod'
import type { JsonObject } from '../json.ts'
import { nameOrPublicUrl } from '../public-url.ts'
import { section, setting, toggle } from '../setting.ts'
import { cron, whole } from '../value.ts'

export const features = section(
  z.strictObject({
    customModelsEnabled: toggle(false, 'Use models of your own.', { requiresFeature: 'custom_models' }),
    apiAccessEnabled: toggle(true, 'Whether API keys are accepted.'),
    ssoEnabled: toggle(false, 'Single sign-on.', { requiresFeature: 'sso' }),
    aiResponsesEnabled: toggle(true, 'Answers written by the assistant.'),
    autoHandoffEnabled: toggle(false, 'Hand conversations over to a person by itself.'),
    productRecommendations: toggle(true, 'Recommend products.'),
    appointmentReminders: toggle(true, 'Remind of appointments.'),
    abandonedCartRecovery: toggle(false, 'Write about abandoned carts.'),
    multiLanguageSupport: toggle(false, 'Answer in the language of the customer.'),
  }),
  'What is switched on.',
)

export const integrations = section(
  z.strictObject({
    // An incoming webhook's URL is its only secret.
    slackWorkspace: setting(nameOrPublicUrl().nullable(), null, 'Slack workspace or its incoming webhook.', {
      sensitive: true,
    }),
    microsoftTeams: setting(nameOrPublicUrl().nullable(), null, 'Teams channel or its incoming webhook.', {
      sensitive: true,
    }),
    syncFrequencyMinutes: setting(whole(1, 10_080), 60, 'Minutes between two synchronisations.'),
    errorNotificationThreshold: setting(whole(1, 1000), 3, 'Failures in a row that are reported.'),
  }),
  'Connections to other services; their secrets are credentials, not settings.',
)

export const catalog = section(
  z.strictObject({
    syncSchedule: setting(cron(), '0 3 * * *', 'When the catalogue is synchronised (cron).'),
    priceRounding: setting(z.enum(['none', 'nearest', 'up', 'down']), 'none', 'How prices are rounded to whole units.'),
  }),
  'The product catalogue.',
)

export const orders = section(
  z.strictObject({
    autoConfirm: toggle(false, 'Confirm orders by itself.'),
    paymentGracePeriodHours: setting(whole(0, 720), 24, 'Hours an unpaid order is kept.'),
  }),
  'How orders are handled.',
)

export const appointments = section(
  z.strictObject({
    bufferMinutes: setting(whole(0, 1440), 15, 'Minutes kept free between two appointments.'),
    cancellationPolicyHours: setting(whole(0, 720), 24, 'Hours before the start until which it may be cancelled.'),
  }),
  'How appointments are made.',
)

type AddProblem = (path: PropertyKey[], message: string) => void

function checkTexts(value: unknown, path: PropertyKey[], add: AddProblem) {
  if (typeof value === 'string') {
    const problem = textProblem(value, 'multiple')
    if (problem) add(path, problem)
  }
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    const keyProblem = textProblem(key, 'single')
    if (keyProblem) add([...path, key], `Its name: ${keyProblem}`)
    checkTexts(inner, [...path, key], add)
  }
}

const freeForm: z.ZodType<JsonObject> = z.record(z.string(), z.json()).superRefine((value, check) => {
  checkTexts(value, [], (path, message) => check.addIssue({ code: 'custom', path, message }))
})

export const custom = setting(freeForm, {}, "Free-form JSON of the product's own.")
