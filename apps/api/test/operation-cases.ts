import { emit } from '@tenantry/control-plane/capabilities/event/service.fixture'
import { operator } from '@tenantry/control-plane/testing'
import type { Operation } from '@tenantry/kernel/contract/operation'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { pathParameters } from '@tenantry/shared/openapi/rest-procedure'
import type { TestApi } from './api-server.ts'
import type { Input } from './doors.ts'
import { type Case, inPath, ofTenant, putDeep } from './operation-case.ts'
import { accessCases } from './operation-cases-access.ts'
import { apiKeyCases } from './operation-cases-api-key.ts'
import { blockCases } from './operation-cases-block.ts'
import { catalogueCases } from './operation-cases-catalogue.ts'
import { featureCases } from './operation-cases-feature.ts'
import { invitationCases } from './operation-cases-invitation.ts'
import { lifecycleCases } from './operation-cases-lifecycle.ts'
import { limitCases } from './operation-cases-limit.ts'
import { onboardingCases } from './operation-cases-onboarding.ts'
import { peopleCases } from './operation-cases-people.ts'
import { roleCases } from './operation-cases-role.ts'
import { runCases } from './operation-cases-run.ts'
import { subscriptionCases } from './operation-cases-subscription.ts'
import { teamCases } from './operation-cases-team.ts'
import { usageCases } from './operation-cases-usage.ts'
import { userCases } from './operation-cases-user.ts'
import type { World } from './operation-world.ts'

/** The caller's other tenant comes to stand below the first, unless that does not act: then the case is about that alone. */
const putBelow = ({ installation }: TestApi, { tenant, other }: World) =>
  installation
    .callerAs(operator)
    .tenants.move({ tenantId: other.id, parentId: tenant.id, reason: 'Preparation' })
    .catch((error: AppError) => {
      if (error.code !== 'tenant.not_found') throw error
    })
const belowOther = (world: World) => ({ ...inPath(world), parentId: world.other.id, reason: 'They were bought' })

/** Names, counts and connections of a database are those of the moment. */
const steadyReport = (text: string) =>
  text
    .replaceAll(/test_[0-9a-f]{16}/g, 'tenantry')
    .replaceAll(/[0-9a-f]{64}/g, '5f'.repeat(32))
    .replaceAll(/\d{15,}\/\d+/g, '7301884209731102310/16384')
    .replaceAll(/\d+ of \d+/g, '12 of 97')
    .replaceAll(
      /("(?:tables|policies|foreignKeys|functions|roles|canaryAttempts|canaryHidden|canaryRefused|pass)":)\d+/g,
      '$120',
    )
    .replaceAll(
      /\d+ (tables|policies|foreign keys|functions|roles|reads|attempts|had|were|are applied|passed)/g,
      '20 $1',
    )

/** What every operation is called with, and what it must answer, on every door. A new operation needs its entry here. */
export const operationCases: Record<string, Case[]> = {
  'plans.list': [
    { expects: 'ok', as: 'anonymous' },
    { expects: 'ok', as: 'viewer' },
  ],
  'me.get': [
    { expects: 'ok', as: 'owner' },
    { expects: 'ok', as: 'stranger' },
    { expects: 'ok', as: 'operator' },
  ],
  'tenants.list': [
    { expects: 'ok', as: 'viewer', input: { q: 'FIRST-', status: 'active', plan: 'starter' } },
    { expects: 'ok', as: 'operator', input: ({ tenant }) => ({ q: tenant.slug.toUpperCase(), limit: 1 }) },
    { expects: 'request.invalid', as: 'viewer', input: { cursor: 'the second page', status: 'purged' } },
  ],
  'tenants.children': [
    { expects: 'ok', as: 'owner', input: ofTenant({ limit: 10 }), before: putBelow },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ cursor: 'the second page' }) },
  ],
  'tenants.tree': [
    { expects: 'ok', as: 'owner', input: inPath, before: putBelow },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ depth: 0 }) },
  ],
  'tenants.move': [
    { expects: 'ok', as: 'operator', input: belowOther },
    { expects: 'auth.permission_denied', as: 'owner', input: belowOther },
    { expects: 'tenant.hierarchy_cycle', as: 'operator', input: belowOther, before: putBelow },
    {
      expects: 'tenant.hierarchy_too_deep',
      as: 'operator',
      input: belowOther,
      before: putDeep,
    },
  ],
  'tenants.subtreeUsage': [
    { expects: 'ok', as: 'owner', input: ofTenant({ from: '2026-11-01', to: '2026-11-30' }), before: putBelow },
    { expects: 'auth.permission_denied', as: 'viewer', input: inPath },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ from: '2026-11-30', to: '2026-11-01' }) },
  ],
  'settings.inheritance': [{ expects: 'ok', as: 'viewer', input: inPath }],
  'settings.updateInheritance': [
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({
        defaults: { branding: { primaryColor: '#0b7285' }, localization: { currency: 'EUR' } },
        locks: ['branding.primaryColor'],
        expectedVersion: 1,
      }),
    },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ locks: [] }) },
    { expects: 'tenant.concurrent_update', as: 'admin', input: ofTenant({ locks: [], expectedVersion: 7 }) },
    {
      expects: 'settings.too_large',
      as: 'admin',
      input: ofTenant({ defaults: { custom: { blob: 'x'.repeat(11_000) } } }),
    },
    {
      expects: 'settings.restricted_key',
      as: 'owner',
      input: ofTenant({ defaults: { rateLimits: { updatesPerHour: 99 } } }),
    },
    {
      expects: 'settings.invalid',
      as: 'owner',
      input: ofTenant({ defaults: { security: { mfaRequired: true } }, locks: ['no.such.key'] }),
    },
  ],
  'platform.isolation': [
    { expects: 'ok', as: 'operator', steady: steadyReport },
    { expects: 'auth.permission_denied', as: 'owner' },
  ],
  'tenants.info': [
    { expects: 'ok', as: 'viewer' },
    { expects: 'ok', as: 'operator' },
  ],
  'tenants.usage': [{ expects: 'ok', as: 'viewer' }],
  'tenants.limits': [{ expects: 'ok', as: 'viewer' }],
  'settings.get': [
    { expects: 'ok', as: 'viewer' },
    { expects: 'ok', as: 'owner' },
  ],
  'settings.schema': [{ expects: 'ok', as: 'viewer' }],
  'tenants.get': [
    { expects: 'ok', as: 'viewer', input: inPath },
    { expects: 'ok', as: 'owner', input: inPath, status: 'suspended' },
  ],
  ...limitCases,
  ...subscriptionCases,
  ...featureCases,
  ...catalogueCases,
  ...onboardingCases,
  ...roleCases,
  'tenants.update': [
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({
        name: 'Acme Incorporated',
        tags: ['europe', 'pilot'],
        websiteUrl: 'https://acme.example/',
        expectedVersion: 1,
      }),
    },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ name: 'Renamed' }) },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ name: 'x', timezone: 'Mars/Olympus', tags: 'none' }) },
    { expects: 'tenant.concurrent_update', as: 'admin', input: ofTenant({ name: 'Renamed', expectedVersion: 7 }) },
    { expects: 'tenant.unknown_plan', as: 'operator', input: ofTenant({ plan: 'no-such-plan' }) },
    {
      expects: 'tenant.external_id_taken',
      as: 'owner',
      input: (world) => ({ ...inPath(world), externalId: `ext-${world.other.slug}` }),
      before: ({ installation }, { other }) =>
        installation
          .callerAs({ type: 'service', name: 'preparation' }, other.slug)
          .tenants.update({ tenantId: other.slug, externalId: `ext-${other.slug}` }),
    },
  ],
  'tenants.updateSettings': [
    {
      expects: 'ok',
      as: 'admin',
      input: { name: 'Acme Incorporated', settings: { branding: { primaryColor: '#0b7285' } }, expectedVersion: 1 },
    },
    { expects: 'auth.permission_denied', as: 'viewer', input: { settings: {} } },
    { expects: 'tenant.concurrent_update', as: 'admin', input: { settings: {}, expectedVersion: 7 } },
    { expects: 'settings.too_large', as: 'admin', input: { settings: { custom: { blob: 'x'.repeat(11_000) } } } },
    {
      expects: 'settings.restricted_key',
      as: 'admin',
      input: { settings: { features: { customModelsEnabled: true } } },
    },
    { expects: 'settings.restricted_key', as: 'owner', input: { settings: { rateLimits: { updatesPerHour: 100 } } } },
    {
      expects: 'settings.invalid',
      as: 'admin',
      input: {
        name: 'x',
        settings: {
          branding: { logoUrl: 'http://169.254.169.254/latest', welcomeMessage: '<script>alert(1)</script>' },
          security: { ipWhitelist: ['10.0.0.0/33'] },
          noSuchKey: true,
        },
      },
    },
  ],
  'events.list': [
    {
      expects: 'ok',
      as: 'viewer',
      input: ofTenant({ limit: 10 }),
      before: ({ installation }, { tenant }) => emit(installation, tenant.id, 2),
    },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ cursor: 'the second page' }) },
  ],
  ...apiKeyCases,
  ...blockCases,
  ...accessCases,
  ...lifecycleCases,
  ...invitationCases,
  ...teamCases,
  ...peopleCases,
  ...userCases,
  ...usageCases,
  ...runCases,
}

/** The refusals that the pipeline owes every operation, tried with the input of its first case. */
export function pipelineCases(operation: Operation, [first]: Case[]): Case[] {
  if (!first) return []
  const { unitOfWork, allowInactive, rest } = operation
  const unknownField: Case = {
    ...first,
    expects: 'request.invalid',
    input: (world) => ({ ...inputOf(first, world), surprise: 'x' }),
  }
  if (unitOfWork === 'none') return [unknownField]
  const anonymous: Case = { ...first, expects: 'auth.unauthenticated', as: 'anonymous' }
  if (unitOfWork !== 'tenant') return [unknownField, anonymous]
  const answersInactive = allowInactive === true || (allowInactive === 'operators' && first.as === 'operator')
  const named = pathParameters(rest.path).includes('tenantId')
  return [
    unknownField,
    anonymous,
    { ...first, expects: 'tenant.not_found', as: 'stranger' },
    { ...first, expects: 'tenant.not_found', tenant: 'unknown' },
    { ...first, expects: answersInactive ? 'ok' : 'tenant.inactive', status: 'suspended' },
    named
      ? { ...first, expects: 'tenant.mismatch', tenant: 'other' }
      : { ...first, expects: 'tenant.not_selected', tenant: 'none' },
  ]
}

export function inputOf({ input = {} }: Case, world: World): Input {
  return typeof input === 'function' ? input(world) : input
}

export function tenantNamed({ tenant = 'own' }: Case, world: World): string | undefined {
  const named = { own: world.tenant.slug, other: world.other.slug, unknown: 'no-such-tenant', none: undefined }
  return named[tenant]
}
