import { operator } from '@tenantry/control-plane/testing'
import { type Case, inPath, ofTenant } from './operation-case.ts'

export const accessCases: Record<string, Case[]> = {
  'access.check': [
    {
      expects: 'ok',
      as: 'member',
      input: ofTenant({ permission: 'usage:write', feature: 'analytics', meter: 'tokens' }),
    },
    {
      expects: 'ok',
      as: 'viewer',
      input: ofTenant({ permission: 'settings:write', feature: 'sso', meter: 'tokens', amount: 9_000_000 }),
    },
    { expects: 'usage.unknown_meter', as: 'viewer', input: ofTenant({ meter: 'no_such_meter' }) },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant() },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ permission: 'everything', amount: 0 }) },
  ],
  'access.explain': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ permission: 'settings:write', feature: 'sso' }) },
    { expects: 'ok', as: 'admin', input: (world) => ({ ...inPath(world), userId: world.user.id }) },
    { expects: 'access.others_denied', as: 'member', input: ofTenant({ userId: operator.id }) },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ permission: 'everything', userId: 'me' }) },
  ],
}
