import { apiKeyUseErrors, authErrors, defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { id, integer, text } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'
import { getTenant, tenantErrors, tenantInput, tenantSlug } from '../tenant/contract.ts'

export const onboardingErrors = defineErrors('onboarding', {
  unknown_template: { kind: 'unprocessable', message: 'There is no such template.' },
  unknown_region: { kind: 'unprocessable', message: 'This installation does not serve that region.' },
  unusable_parent: { kind: 'unprocessable', message: 'There is no active tenant of that id to stand below.' },
})

export const createTenant = defineOperation({
  unitOfWork: 'user',
  type: 'mutation',
  permission: null,
  operatorSpansTenants: true,
  rateLimit: 'sign_up',
  audit: 'tenant.created',
  rest: {
    method: 'POST',
    path: '/tenants',
    summary: 'Create a tenant',
    description:
      'For platform admins; where the installation has self-service sign-up, for every user with a verified e-mail address, who then owns it. A creation that was cut short goes on by itself, and at once when it is asked for again with the same Idempotency-Key. `plan`, `limits`, `parentId`, `region`, `ownerEmail` and `templateId` are for platform admins.',
    tags: ['Tenants'],
    successStatus: 201,
    aliases: [{ method: 'POST', path: '/tenants/onboard' }],
  },
  input: z.object({
    name: tenantInput.name,
    slug: tenantSlug.optional().describe('Derived from the name unless told'),
    contactEmail: tenantInput.contactEmail.optional().describe("The owner's unless told"),
    organizationType: tenantInput.organizationType.optional(),
    websiteUrl: tenantInput.websiteUrl.optional(),
    timezone: tenantInput.timezone.optional(),
    externalId: tenantInput.externalId.optional(),
    tags: tenantInput.tags.optional(),
    plan: tenantInput.plan.optional().describe('The lowest unless told'),
    limits: z
      .record(text(1, 64), integer(-1).nullable())
      .optional()
      .describe('By meter, in place of what the plan allows; null and -1 are unlimited'),
    parentId: id('tenant').optional(),
    templateId: text(1, 128).optional(),
    region: text(1, 64).optional(),
    ownerEmail: z
      .email()
      .max(320)
      .optional()
      .describe('Who signs in next under this verified address becomes the owner, in place of the caller'),
    createApiKey: z
      .boolean()
      .optional()
      .describe('Makes an API key that may do what a member may; the plan must have the feature api_access'),
  }),
  output: getTenant.output.extend({
    owner: z.object({
      userId: id('user').nullable().describe('Null until the owner signs in for the first time'),
      email: z.string().nullable(),
    }),
    apiKey: z
      .object({ id: id('API key'), key: z.string() })
      .optional()
      .describe('Told here, once'),
  }),
  errors: [
    authErrors.permission_denied,
    apiKeyUseErrors.access_disabled,
    tenantErrors.slug_taken,
    tenantErrors.external_id_taken,
    tenantErrors.unknown_plan,
    tenantErrors.hierarchy_too_deep,
    onboardingErrors.unknown_template,
    onboardingErrors.unknown_region,
    onboardingErrors.unusable_parent,
  ],
})
