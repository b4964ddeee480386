import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import type { Actor } from '@tenantry/kernel/context/actor'
import { tenantId, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'
import type { OnboardingRequest } from './rules/request.ts'

/** How long a finished onboarding is kept, to answer its Idempotency-Key again. */
export const retentionHours = 24

/**
 * How far the provisioning of a tenant has come, so that whoever finds it cut short goes on where it stopped. Platform
 * admins and users on their own both write it on the operators' connection only; the job role sees expired ones.
 */
export const Onboarding = defineEntity({
  name: 'Onboarding',
  tableName: 'onboardings',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'expired',
      roles: ['tenantry_jobs'],
      using: `finished_at < (now() - '${retentionHours}:00:00'::interval)`,
    },
  ],
  indexes: [{ properties: ['principal', 'key'] }, { properties: ['finishedAt', 'startedAt'] }],
  properties: {
    tenantId: tenantId(),
    /** Who asked; with the key, what is asked again. */
    principal: p.string().length(255),
    key: p.string().length(255).nullable(),
    /** SHA-256 of the input, hexadecimal. */
    requestHash: p.string().length(64).nullable(),
    /** What the steps need that the tenant itself does not say. */
    request: p.json<OnboardingRequest>(),
    actor: p.json<Actor>(),
    requestId: p.string().length(100),
    doneSteps: p.array().default([]),
    /** The answer, encrypted, with the API key that was made; kept where there is a key to ask for it again. */
    response: p.text().nullable(),
    startedAt: p.datetime(),
    finishedAt: p.datetime().nullable(),
  },
})
export type Onboarding = InferEntity<typeof Onboarding>
