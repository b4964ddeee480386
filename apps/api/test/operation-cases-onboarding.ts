import { type Case, putDeep } from './operation-case.ts'

export const onboardingCases: Record<string, Case[]> = {
  'tenants.create': [
    {
      expects: 'ok',
      as: 'operator',
      input: ({ tenant }) => ({
        name: 'Acme Incorporated',
        slug: `new-${tenant.slug}`,
        contactEmail: 'billing@acme.example',
        plan: 'professional',
        organizationType: 'company',
        websiteUrl: 'https://acme.example/',
        timezone: 'Europe/Berlin',
        externalId: `ext-new-${tenant.slug}`,
        tags: ['pilot'],
        parentId: tenant.id,
        region: 'default',
        limits: { pipeline_runs: 100, storage: null },
        ownerEmail: 'owner@acme.example',
        createApiKey: true,
      }),
    },
    { expects: 'api_key.access_disabled', as: 'operator', input: { name: 'Acme', plan: 'free', createApiKey: true } },
    { expects: 'auth.permission_denied', as: 'owner', input: { name: 'Acme Incorporated' } },
    { expects: 'request.invalid', as: 'operator', input: { name: 'x', slug: 'admin', limits: { tokens: -2 } } },
    { expects: 'request.invalid', as: 'operator', input: { name: 'Acme', limits: { no_such_meter: 1 } } },
    { expects: 'tenant.unknown_plan', as: 'operator', input: { name: 'Acme', plan: 'no-such-plan' } },
    { expects: 'tenant.slug_taken', as: 'operator', input: ({ tenant }) => ({ name: 'Acme', slug: tenant.slug }) },
    {
      expects: 'tenant.external_id_taken',
      as: 'operator',
      input: ({ other }) => ({ name: 'Acme', externalId: other.slug }),
    },
    {
      expects: 'tenant.hierarchy_too_deep',
      as: 'operator',
      input: ({ other }) => ({ name: 'Acme', parentId: other.id }),
      before: putDeep,
    },
    { expects: 'onboarding.unknown_template', as: 'operator', input: { name: 'Acme', templateId: 'hackathon' } },
    { expects: 'onboarding.unknown_region', as: 'operator', input: { name: 'Acme', region: 'moon-1' } },
    {
      expects: 'onboarding.unusable_parent',
      as: 'operator',
      input: ({ tenant }) => ({ name: 'Acme', parentId: tenant.id }),
      status: 'suspended',
    },
  ],
}
