import { z } from 'zod'
import { publicUrl } from '../public-url.ts'
import { section, setting, toggle } from '../setting.ts'
import { addressOrRange, whole } from '../value.ts'

export const security = section(
  z.strictObject({
    ipWhitelist: setting(
      z.array(addressOrRange()).max(100),
      [],
      'Addresses and CIDR ranges that requests may come from; empty allows all.',
    ),
    mfaRequired: toggle(false, 'Whether members must have signed in with a second factor.'),
    sessionTimeoutMinutes: setting(whole(1, 43_200), 60, 'Minutes after sign-in at which a session ends.'),
  }),
  'Who may come in, from where and for how long.',
  { sensitive: true },
)

export const compliance = section(
  z.strictObject({
    gdprEnabled: toggle(true, 'Whether the GDPR applies.'),
    dataRetentionDays: setting(whole(1, 3650), 365, 'Days after which data is removed.'),
    consentRequired: toggle(true, 'Whether consent is asked before data is kept.'),
    privacyPolicyUrl: setting(publicUrl().nullable(), null, 'The privacy policy.'),
    termsUrl: setting(publicUrl().nullable(), null, 'The terms of service.'),
  }),
  'Data protection and legal texts.',
)

export const analytics = section(
  z.strictObject({
    retentionDays: setting(whole(1, 3650), 365, 'Days after which analytics are removed.'),
    anonymize: toggle(false, 'Whether analytics keep no person apart.'),
  }),
  'What is kept for analysis.',
)

export const rateLimits = section(
  z.strictObject({
    requestsPerMinute: setting(
      whole(1, 1_000_000).nullable(),
      null,
      'Reads a minute for each principal; null takes the figure of the plan.',
    ),
    updatesPerHour: setting(
      whole(1, 1_000_000).nullable(),
      null,
      'Updates of the settings an hour; null takes the figure of the plan.',
    ),
  }),
  'Limits set by the platform for this tenant.',
  { writableBy: 'platform' },
)
