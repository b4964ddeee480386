import { describe, expect, test } from 'vitest'
import type { JsonValue } from './json.ts'
import { validatePatch } from './validate.ts'

interface Rule {
  path: string
  good: JsonValue[]
  bad: JsonValue[]
}

const rules: Rule[] = [
  {
    path: 'branding.primaryColor',
    good: ['#1a2b3c', '#FFFFFF'],
    bad: ['red', '#fff', '#1a2b3g', '#1a2b3c4d', ' #1a2b3c', 7],
  },
  {
    path: 'branding.logoUrl',
    good: ['https://cdn.example.com/l.png'],
    bad: ['http://example.com', 'https://localhost/x', 5, ''],
  },
  {
    path: 'branding.businessName',
    good: ['Café 3 < 5 & "more" 🎉', 'a <3 b', 'x > y'],
    bad: ['', 'a\nb', 'x\u0000', 'x\u009b', '\ud800', '<b>hi', '</b>', '<!--', '<?xml', 'x'.repeat(101), 5],
  },
  {
    path: 'branding.welcomeMessage',
    good: ['Hello\n\tthere', 'a\r\nb', 'I know JavaScript'],
    bad: [
      'bell\u0007',
      'a\rb',
      '<script>alert(1)</script>',
      '<IMG src=x>',
      'JavaScript:alert(1)',
      'java\nscript:alert(1)',
      'vbscript: x',
      'data:text/html,x',
    ],
  },
  { path: 'branding.footerText', good: ['© 2026\nAcme'], bad: ['<svg/onload=x>', 'x'.repeat(501)] },
  {
    path: 'notifications.webhookUrl',
    good: ['https://hooks.example.com/1'],
    bad: ['https://10.0.0.1/', 'https://a:b@example.com/'],
  },
  { path: 'notifications.email.lowStock', good: [false], bad: ['false', 0] },
  {
    path: 'notifications.quietHours.start',
    good: ['00:00', '23:59'],
    bad: ['24:00', '9:00', '09:60', '09:00:00', 'noon'],
  },
  {
    path: 'notifications.quietHours.timezone',
    good: ['Europe/Berlin', 'America/Argentina/Buenos_Aires'],
    bad: ['Mars/Base', '+01:00', '', 'x'.repeat(65)],
  },
  {
    path: 'security.ipWhitelist',
    good: [['203.0.113.7', '10.0.0.0/8', '2001:db8::/32', '::1']],
    bad: [
      '10.0.0.1',
      ['10.0.0.0/33'],
      ['300.1.1.1'],
      ['10.1'],
      ['0x7f.0.0.1'],
      ['fe80::1%eth0'],
      ['::/129'],
      ['example.com'],
      ['10.0.0.1/'],
      [null],
    ],
  },
  { path: 'security.mfaRequired', good: [true], bad: ['true'] },
  { path: 'security.sessionTimeoutMinutes', good: [1, 43_200], bad: [0, -1, 1.5, 43_201, '60'] },
  {
    path: 'integrations.slackWorkspace',
    good: ['acme', 'https://hooks.slack.com/services/T/B/x'],
    bad: ['http://hooks.slack.com/', 'https://localhost/', '', '<b>', 'a\nb'],
  },
  { path: 'integrations.syncFrequencyMinutes', good: [15], bad: [0, 10_081] },
  { path: 'compliance.dataRetentionDays', good: [30], bad: [0, 3651] },
  { path: 'compliance.privacyPolicyUrl', good: ['https://example.com/privacy'], bad: ['privacy'] },
  { path: 'rateLimits.requestsPerMinute', good: [1000], bad: [0, 0.5, 1_000_001] },
  { path: 'localization.language', good: ['de', 'pt-BR', 'zh-Hant-TW'], bad: ['english', 'en_US', 'e', '', 'xx-'] },
  { path: 'localization.currency', good: ['EUR', 'JPY'], bad: ['eur', 'XYZ', 'EURO', ''] },
  {
    path: 'localization.dateFormat',
    good: ['dd.MM.yyyy', 'EEE, d MMM yy', 'M/d/yyyy'],
    bad: ['YYYY-MM-DD', 'yyyy-MM', 'HH:mm', '', 'yyyy-MM-dd-dd'],
  },
  { path: 'localization.timezone', good: ['Asia/Kolkata', 'UTC'], bad: ['Berlin/Europe', '-05:00'] },
  { path: 'analytics.retentionDays', good: [1], bad: [0] },
  { path: 'assistant.tone', good: ['friendly'], bad: ['angry', 3] },
  { path: 'assistant.confidenceThreshold', good: [0, 0.5, 1], bad: [-0.1, 1.1, '0.5'] },
  {
    path: 'catalog.syncSchedule',
    good: ['*/15 0-6 * * 1-5', '0 0 1 JAN *'],
    bad: ['', '* * * *', '0 0 3 * * *', '60 * * * *', '0 0 31 2 *', '@daily', 'every day', 'a b c d e'],
  },
  { path: 'catalog.priceRounding', good: ['up'], bad: ['sideways'] },
  { path: 'orders.paymentGracePeriodHours', good: [0, 720], bad: [-1, 721] },
  {
    path: 'messaging.templates',
    good: [
      [
        { name: 'Hi', body: 'Hello\nyou' },
        { name: 'Hallo', body: 'Du', language: 'de' },
      ],
    ],
    bad: [['Hi'], [{ name: 'Hi' }], [{ name: 'Hi', body: '<b>' }], [{ name: 'Hi', body: 'x', extra: 1 }]],
  },
  { path: 'messaging.quickReplies', good: [['Yes', 'No']], bad: [['<i>'], [1], Array(51).fill('x')] },
  { path: 'appointments.bufferMinutes', good: [0], bad: [1441] },
]

const patchOf = (path: string, value: JsonValue): JsonValue =>
  path.split('.').reduceRight<JsonValue>((inner, name) => ({ [name]: inner }), value)

const cases = (kind: 'good' | 'bad') => rules.flatMap((rule) => rule[kind].map((value) => [rule.path, value] as const))

describe('a good value is taken', () => {
  test.each(cases('good'))('%s: %j', (path, value) => {
    expect(validatePatch({ stored: {}, patch: patchOf(path, value) }).outcome).toBe('valid')
  })
})

describe('a bad value is refused by its path', () => {
  test.each(cases('bad'))('%s: %j', (path, value) => {
    const result = validatePatch({ stored: {}, patch: patchOf(path, value) })
    expect(result.outcome).toBe('invalid')
    const issues = result.outcome === 'invalid' ? result.issues : []
    for (const issue of issues)
      expect(issue.path === `settings.${path}` || issue.path.startsWith(`settings.${path}.`)).toBe(true)
  })
})
