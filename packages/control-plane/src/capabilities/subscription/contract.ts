import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { breakingSchema } from '@tenantry/kernel/contract/problem'
import { integer, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { listPlans } from '../plan/contract.ts'
import { tenantErrors } from '../tenant/contract.ts'

export const subscriptionErrors = defineErrors('subscription', {
  would_break: { kind: 'conflict', message: 'More is in use than that plan allows.' },
  not_higher: { kind: 'unprocessable', message: 'That plan is not higher than the one that holds now.' },
  not_lower: { kind: 'unprocessable', message: 'That plan is not lower than the one that holds now.' },
})

const tags: [string] = ['Subscription']
const { monthlyPriceMicros, overagePrices } = listPlans.output.shape.items.element.shape
const plan = text(1, 64).describe('In any letter case')
const limit = integer(0).nullable().describe('Null is unlimited')
const keptOverrides = z
  .array(z.object({ meter: z.string(), value: limit, planWouldAllow: limit }))
  .describe('Overrides that stay in force where the plan itself would allow more or less; only operators change them')

const subscription = z.object({
  plan: z.string(),
  title: z.string(),
  startedAt: timestamp(),
  periodAnchor: z
    .enum(['calendar', 'subscription'])
    .describe(
      'calendar: periods are the months of the timezone; subscription: months from the day it started; of another plan with the next period',
    ),
  timezone: z.string().describe('That the current period is counted in; another one takes effect with the next'),
  currentPeriod: z.object({ startsAt: timestamp(), endsAt: timestamp().describe('When the next one starts') }),
  scheduledChange: z.object({ plan: z.string(), effectiveAt: timestamp(), requestedAt: timestamp() }).nullable(),
  features: z.array(z.string()),
  currency: z.string(),
  monthlyPriceMicros,
  overagePrices,
})

export const getSubscription = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'finance:view',
  allowInactive: true,
  allowOverLimit: true,
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/subscription',
    summary: 'Show the subscription',
    description: 'The plan with its price, the period that goes on, and the plan that comes after it, if it changes.',
    tags,
  },
  input: z.object({ tenantId: tenantRef() }),
  output: subscription,
})

export const previewPlanChange = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'finance:view',
  allowInactive: true,
  allowOverLimit: true,
  rateLimit: 'read',
  audit: { none: 'it shows what would happen, and changes nothing' },
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/subscription/preview',
    summary: 'Show what another plan would change',
    description:
      'What would break now: meters above the new limit, members, teams and roles to be removed, features that are lost and in use. What was granted or overridden for the tenant stays in place.',
    tags,
    successStatus: 200,
  },
  input: z.object({ tenantId: tenantRef(), plan }),
  output: z.object({
    from: z.string(),
    to: z.string(),
    direction: z.enum(['upgrade', 'downgrade', 'same']).describe('By the order of the plans'),
    monthlyPriceMicros,
    breaking: z.array(breakingSchema).describe('Empty where nothing stands in the way'),
    raisedLimits: z.array(z.object({ meter: z.string(), before: limit, after: limit })),
    loweredLimits: z.array(z.object({ meter: z.string(), before: limit, after: limit })),
    gainedFeatures: z.array(z.string()),
    lostFeatures: z.array(z.string()),
    keptOverrides,
  }),
  errors: [tenantErrors.unknown_plan],
})

const planChange = {
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'tenant:own',
  allowInactive: 'operators',
  allowOverLimit: true,
  asOperator: true,
  audit: 'subscription.changed',
  input: z.object({
    tenantId: tenantRef(),
    plan,
    when: z.enum(['now', 'period_end']).default('now'),
    acceptBreaking: z.boolean().default(false).describe('Whether what a preview lists may break'),
  }),
  output: subscription.extend({ keptOverrides }),
} as const
const changeErrors = [tenantErrors.unknown_plan, subscriptionErrors.would_break] as const

export const changePlan = defineOperation({
  ...planChange,
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/subscription/change',
    summary: 'Change the plan',
    description:
      'Now, or when the current period ends, at exactly that instant; a timezone that is changed meanwhile does not move it. What was scheduled before is replaced, and called off by naming the current plan. Where something would break that must be accepted, for a change at the end of the period by what is in use today; nothing is deleted.',
    tags,
    successStatus: 200,
  },
  errors: [...changeErrors],
})

export const upgradePlan = defineOperation({
  ...planChange,
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/subscription/upgrade',
    summary: 'Change to a higher plan',
    description: 'As `subscription.change`, for plans only that come after the current one in the order of the plans.',
    tags,
    successStatus: 200,
  },
  errors: [...changeErrors, subscriptionErrors.not_higher],
})

export const downgradePlan = defineOperation({
  ...planChange,
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/subscription/downgrade',
    summary: 'Change to a lower plan',
    description: 'As `subscription.change`, for plans only that come before the current one in the order of the plans.',
    tags,
    successStatus: 200,
  },
  errors: [...changeErrors, subscriptionErrors.not_lower],
})
