import type { AppError } from '@tenantry/kernel/errors/app-error'
import { asService, type Case, inPath, ofTenant } from './operation-case.ts'

const times = /"(startedAt|startsAt|endsAt|effectiveAt|requestedAt)":"[^"]+"/g
const steadyTimes = (text: string) =>
  text.replaceAll(times, (_, name) => `"${name}":"${name === 'endsAt' ? '2026-04-01' : '2026-03-01'}T00:00:00.000Z"`)

/** More than the lowest plan includes; where the tenant does not act, the case is about that alone. */
const used: NonNullable<Case['before']> = (api, world) =>
  asService(api, world)
    .usage.track({ tenantId: world.tenant.slug, metric: 'pipeline_runs', amount: 60 })
    .catch((error: AppError) => {
      if (error.code !== 'tenant.inactive') throw error
    })

export const subscriptionCases: Record<string, Case[]> = {
  'subscription.get': [
    { expects: 'ok', as: 'owner', input: inPath, steady: steadyTimes },
    { expects: 'ok', as: 'admin', input: inPath, status: 'suspended', steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'member', input: inPath },
  ],
  'subscription.preview': [
    { expects: 'ok', as: 'owner', input: ofTenant({ plan: 'free' }), before: used },
    { expects: 'ok', as: 'admin', input: ofTenant({ plan: 'Business' }), status: 'suspended' },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ plan: 'free' }) },
    { expects: 'tenant.unknown_plan', as: 'owner', input: ofTenant({ plan: 'gold' }) },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ plan: '' }) },
  ],
  'subscription.change': [
    {
      expects: 'ok',
      as: 'owner',
      input: ofTenant({ plan: 'professional', when: 'period_end' }),
      steady: steadyTimes,
    },
    { expects: 'ok', as: 'operator', input: ofTenant({ plan: 'Business' }), status: 'suspended', steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'admin', input: ofTenant({ plan: 'professional' }) },
    { expects: 'tenant.unknown_plan', as: 'owner', input: ofTenant({ plan: 'gold' }) },
    { expects: 'subscription.would_break', as: 'owner', input: ofTenant({ plan: 'free' }), before: used },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ plan: 'free', when: 'tomorrow' }) },
  ],
  'subscription.upgrade': [
    { expects: 'ok', as: 'owner', input: ofTenant({ plan: 'professional' }), steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'admin', input: ofTenant({ plan: 'professional' }) },
    { expects: 'tenant.unknown_plan', as: 'owner', input: ofTenant({ plan: 'gold' }) },
    { expects: 'subscription.not_higher', as: 'owner', input: ofTenant({ plan: 'free' }) },
    { expects: 'subscription.not_higher', as: 'owner', input: ofTenant({ plan: 'starter' }) },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ plan: '' }) },
  ],
  'subscription.downgrade': [
    {
      expects: 'ok',
      as: 'owner',
      input: ofTenant({ plan: 'free', when: 'period_end', acceptBreaking: true }),
      steady: steadyTimes,
    },
    { expects: 'auth.permission_denied', as: 'admin', input: ofTenant({ plan: 'free' }) },
    { expects: 'tenant.unknown_plan', as: 'owner', input: ofTenant({ plan: 'gold' }) },
    { expects: 'subscription.not_lower', as: 'owner', input: ofTenant({ plan: 'professional' }) },
    { expects: 'subscription.would_break', as: 'owner', input: ofTenant({ plan: 'free' }), before: used },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ plan: 'free', when: 'tomorrow' }) },
  ],
}
