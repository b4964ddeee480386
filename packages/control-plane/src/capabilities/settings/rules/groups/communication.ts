import { timezone } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { publicUrl } from '../public-url.ts'
import { section, setting, toggle } from '../setting.ts'
import { line, paragraph } from '../text.ts'
import { clockTime, language } from '../value.ts'

const email = section(
  z.strictObject({
    orderReceived: toggle(true, 'A new order came in.'),
    lowStock: toggle(true, 'An article is running out.'),
    dailySummary: toggle(true, 'Summary of the day.'),
    weeklyReport: toggle(false, 'Report of the week.'),
    quotaAlerts: toggle(true, 'A limit of the plan is near or reached.'),
  }),
  'What is sent by mail.',
)

const sms = section(
  z.strictObject({
    criticalAlerts: toggle(true, 'Something needs attention at once.'),
    paymentFailed: toggle(true, 'A payment failed.'),
  }),
  'What is sent by SMS.',
)

const inApp = section(
  z.strictObject({
    newMessage: toggle(true, 'A new message arrived.'),
    handoffRequest: toggle(true, 'A customer asks for a person.'),
  }),
  'What appears in the inbox.',
)

const quietHours = section(
  z
    .strictObject({
      enabled: toggle(false, 'Whether quiet hours hold.'),
      start: setting(clockTime(), '22:00', 'When they begin.'),
      end: setting(clockTime(), '08:00', 'When they end; before the start means on the next day.'),
      timezone: setting(timezone(), 'UTC', 'Timezone of both times (IANA).'),
    })
    .refine(({ enabled, start, end }) => !enabled || start !== end, 'Must not start and end at the same time.'),
  'Hours in which all but critical notifications wait.',
)

export const notifications = section(
  z.strictObject({
    emailEnabled: toggle(true, 'Whether any mail is sent.'),
    webhookUrl: setting(publicUrl().nullable(), null, 'Where every notification is posted to.', { sensitive: true }),
    email,
    sms,
    inApp,
    quietHours,
  }),
  'Which notifications go out, and when.',
)

const template = z.strictObject({
  name: line(100),
  body: paragraph(1000),
  language: language().optional(),
})

export const messaging = section(
  z.strictObject({
    templates: setting(z.array(template).max(50), [], 'Prepared messages.'),
    quickReplies: setting(z.array(line(200)).max(50), [], 'Short answers offered as buttons.'),
  }),
  'Prepared texts for conversations.',
)

export const assistant = section(
  z.strictObject({
    tone: setting(z.enum(['neutral', 'friendly', 'professional', 'formal', 'casual']), 'neutral', 'How it speaks.'),
    fallbackBehavior: setting(
      z.enum(['handoff', 'retry', 'decline']),
      'handoff',
      'What it does below the threshold: hand over to a person, ask again, or decline.',
    ),
    confidenceThreshold: setting(z.number().min(0).max(1), 0.7, 'Confidence an answer needs, 0 to 1.'),
  }),
  'How the assistant answers.',
)
