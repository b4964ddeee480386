import { timezone } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { publicUrl } from '../public-url.ts'
import { section, setting, toggle } from '../setting.ts'
import { line, paragraph } from '../text.ts'
import { clockTime, colour, currency, dateFormat, isClockTime, language } from '../value.ts'

export const branding = section(
  z.strictObject({
    primaryColor: setting(colour(), '#000000', 'Main colour of pages and mails.'),
    logoUrl: setting(publicUrl().nullable(), null, 'Where the logo is loaded from.'),
    businessName: setting(line(100).nullable(), null, 'Name shown in place of the tenant name.'),
    welcomeMessage: setting(paragraph(1000).nullable(), null, 'Greeting shown to a new visitor.'),
    footerText: setting(paragraph(500).nullable(), null, 'Text at the foot of pages and mails.'),
  }),
  'How the tenant looks to its users.',
)

export const localization = section(
  z.strictObject({
    language: setting(language(), 'en', 'Language of texts and mails (BCP 47).'),
    currency: setting(currency(), 'USD', 'Currency of prices (ISO 4217).'),
    dateFormat: setting(dateFormat(), 'yyyy-MM-dd', 'Pattern that dates are shown with.'),
    timezone: setting(timezone(), 'UTC', 'Timezone of days, months and schedules (IANA).'),
  }),
  'Language, money and time.',
)

const day = (name: string, closed = false) =>
  section(
    z
      .strictObject({
        open: setting(clockTime(), '09:00', `When ${name} opens.`),
        close: setting(clockTime(), '17:00', `When ${name} closes.`),
        closed: toggle(closed, `Whether the tenant is closed on ${name}.`),
      })
      .refine(
        ({ open, close, closed }) => closed || !isClockTime(open) || !isClockTime(close) || open < close,
        'Must open before it closes.',
      ),
    `Hours on ${name}.`,
  )

export const businessHours = section(
  z.strictObject({
    monday: day('Monday'),
    tuesday: day('Tuesday'),
    wednesday: day('Wednesday'),
    thursday: day('Thursday'),
    friday: day('Friday'),
    saturday: day('Saturday'),
    sunday: day('Sunday', true),
  }),
  'Opening hours, in the timezone of localization.',
)
