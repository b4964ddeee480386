import { describe, expect, test } from 'vitest'
import { defaultSettings, effectiveSettings, redactSensitive } from './effective.ts'
import { isSensitive, settingKeys } from './keys.ts'
import { type StoredSettings, settingsSchema } from './schema.ts'

const weekday = { open: '09:00', close: '17:00', closed: false }

test('the defaults are those of the specification', () => {
  expect(defaultSettings()).toStrictEqual({
    branding: { primaryColor: '#000000', logoUrl: null, businessName: null, welcomeMessage: null, footerText: null },
    notifications: {
      emailEnabled: true,
      webhookUrl: null,
      email: { orderReceived: true, lowStock: true, dailySummary: true, weeklyReport: false, quotaAlerts: true },
      sms: { criticalAlerts: true, paymentFailed: true },
      inApp: { newMessage: true, handoffRequest: true },
      quietHours: { enabled: false, start: '22:00', end: '08:00', timezone: 'UTC' },
    },
    security: { ipWhitelist: [], mfaRequired: false, sessionTimeoutMinutes: 60 },
    features: {
      customModelsEnabled: false,
      apiAccessEnabled: true,
      ssoEnabled: false,
      aiResponsesEnabled: true,
      autoHandoffEnabled: false,
      productRecommendations: true,
      appointmentReminders: true,
      abandonedCartRecovery: false,
      multiLanguageSupport: false,
    },
    integrations: {
      slackWorkspace: null,
      microsoftTeams: null,
      syncFrequencyMinutes: 60,
      errorNotificationThreshold: 3,
    },
    businessHours: {
      monday: weekday,
      tuesday: weekday,
      wednesday: weekday,
      thursday: weekday,
      friday: weekday,
      saturday: weekday,
      sunday: { ...weekday, closed: true },
    },
    compliance: {
      gdprEnabled: true,
      dataRetentionDays: 365,
      consentRequired: true,
      privacyPolicyUrl: null,
      termsUrl: null,
    },
    rateLimits: { requestsPerMinute: null, updatesPerHour: null },
    localization: { language: 'en', currency: 'USD', dateFormat: 'yyyy-MM-dd', timezone: 'UTC' },
    analytics: { retentionDays: 365, anonymize: false },
    assistant: { tone: 'neutral', fallbackBehavior: 'handoff', confidenceThreshold: 0.7 },
    catalog: { syncSchedule: '0 3 * * *', priceRounding: 'none' },
    orders: { autoConfirm: false, paymentGracePeriodHours: 24 },
    messaging: { templates: [], quickReplies: [] },
    appointments: { bufferMinutes: 15, cancellationPolicyHours: 24 },
    custom: {},
  })
})

test('every default passes its own validation', () => {
  expect(settingsSchema.parse(defaultSettings())).toEqual(defaultSettings())
})

describe('the effective document', () => {
  test('puts stored over inherited over default, key by key', () => {
    const inherited: StoredSettings = {
      localization: { currency: 'EUR', language: 'de' },
      custom: { theme: { dark: true } },
    }
    const stored: StoredSettings = { localization: { currency: 'CHF' }, custom: { theme: { wide: false } } }
    const settings = effectiveSettings(stored, inherited)
    expect(settings.localization).toEqual({
      currency: 'CHF',
      language: 'de',
      dateFormat: 'yyyy-MM-dd',
      timezone: 'UTC',
    })
    expect(settings.custom).toEqual({ theme: { dark: true, wide: false } })
  })

  test('leaves out what is no longer declared and keeps what today would be refused', () => {
    const stored = { retired: { key: 1 }, branding: { retired: 2, primaryColor: 'red' } } as StoredSettings
    const settings = effectiveSettings(stored)
    expect(settings).not.toHaveProperty('retired')
    expect(settings.branding).toEqual({ ...defaultSettings().branding, primaryColor: 'red' })
  })

  test('is a copy: changing it changes neither the defaults nor what is stored', () => {
    const stored: StoredSettings = { messaging: { quickReplies: ['Yes'] } }
    const settings = effectiveSettings(stored)
    settings.security.ipWhitelist.push('10.0.0.1')
    settings.messaging.quickReplies.push('No')
    expect(defaultSettings().security.ipWhitelist).toEqual([])
    expect(stored.messaging?.quickReplies).toEqual(['Yes'])
  })
})

describe('a reader without the sensitive scope', () => {
  test('gets the document without sensitive keys, and no security group at all', () => {
    const hidden = redactSensitive(effectiveSettings({ notifications: { webhookUrl: 'https://example.com/secret' } }))
    expect(hidden).not.toHaveProperty('security')
    expect(hidden.notifications).not.toHaveProperty('webhookUrl')
    expect(hidden.notifications?.email).toEqual(defaultSettings().notifications.email)
    expect(hidden.branding).toEqual(defaultSettings().branding)
    expect(JSON.stringify(hidden)).not.toContain('secret')
  })

  test('gets of a sparse document only what is set and open', () => {
    const stored = {
      security: { mfaRequired: true },
      notifications: { webhookUrl: 'https://example.com/' },
      orders: { autoConfirm: true },
      custom: { any: { thing: 1 } },
      retired: 'value',
    } as StoredSettings
    expect(redactSensitive(stored)).toEqual({ orders: { autoConfirm: true }, custom: { any: { thing: 1 } } })
  })

  test('sees every key that is not marked, and no marked one', () => {
    const hidden = redactSensitive(defaultSettings())
    for (const key of settingKeys.values()) {
      const value = key.path
        .split('.')
        .reduce<unknown>((node, name) => (node as Record<string, unknown>)?.[name], hidden)
      expect([key.path, value !== undefined]).toEqual([key.path, !key.sensitive])
    }
  })
})

test.each([
  ['security', true],
  ['security.ipWhitelist', true],
  ['security.sessionTimeoutMinutes', true],
  ['notifications.webhookUrl', true],
  ['notifications', true],
  ['integrations.slackWorkspace', true],
  ['notifications.email.lowStock', false],
  ['branding', false],
  ['branding.logoUrl', false],
  ['custom.security.password', false],
  ['retired.key', true],
  ['', true],
])('whether the values at "%s" are sensitive: %s', (path, expected) => {
  expect(isSensitive(path)).toBe(expected)
})
