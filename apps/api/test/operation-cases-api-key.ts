import type { ApiKeyRow } from '@tenantry/control-plane/capabilities/api-key/repository'
import { makeApiKey } from '@tenantry/control-plane/capabilities/api-key/service.fixture'
import type { TestApi } from './api-server.ts'
import { asService, type Case, ofTenant } from './operation-case.ts'
import type { World } from './operation-world.ts'

/** Of keys that each tenant may have: an id alone names nothing. */
export const apiKeyIds = Array.from({ length: 8 }, (_, place) => `019cf6a1-4e00-7000-8000-0000000000f${place}`)
const [apiKeyId = ''] = apiKeyIds
const withKey =
  (fields: Partial<ApiKeyRow> = {}) =>
  ({ installation }: TestApi, { tenant, user }: World) =>
    makeApiKey(installation, { tenantId: tenant.id, id: apiKeyId, createdById: user.id, ...fields })

export const apiKeyCases: Record<string, Case[]> = {
  'apiKeys.list': [
    { expects: 'ok', as: 'admin', input: ofTenant({ limit: 10 }), before: withKey() },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant() },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ cursor: 'the second page' }) },
  ],
  'apiKeys.create': [
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({
        name: 'Scheduler',
        scopes: ['runs:write', 'usage:write'],
        expiresAt: '2099-12-31T23:59:59.000Z',
        ipAllowlist: ['203.0.113.0/24'],
      }),
    },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ name: 'Any', scopes: ['tenant:read'] }) },
    { expects: 'auth.permission_denied', as: 'admin', input: ofTenant({ name: 'Any', scopes: ['tenant:own'] }) },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ name: 'Any', scopes: ['tenant:reed'] }) },
    {
      expects: 'api_key.access_disabled',
      as: 'owner',
      input: ofTenant({ name: 'Any', scopes: ['tenant:read'] }),
      before: (api, world) =>
        asService(api, world).tenants.updateSettings({ settings: { features: { apiAccessEnabled: false } } }),
    },
  ],
  'apiKeys.rotate': [
    { expects: 'ok', as: 'admin', input: ofTenant({ apiKeyId, overlapSeconds: 3_600 }), before: withKey() },
    { expects: 'api_key.not_found', as: 'admin', input: ofTenant({ apiKeyId }) },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ apiKeyId }) },
    {
      expects: 'api_key.overlap_running',
      as: 'admin',
      input: ofTenant({ apiKeyId }),
      before: withKey({ formerEndsAt: new Date('2099-12-31T23:59:59Z') }),
    },
    {
      expects: 'api_key.expired',
      as: 'admin',
      input: ofTenant({ apiKeyId }),
      before: withKey({ expiresAt: new Date(0) }),
    },
  ],
  'apiKeys.remove': [
    { expects: 'ok', as: 'admin', input: ofTenant({ apiKeyId }), before: withKey() },
    { expects: 'api_key.not_found', as: 'admin', input: ofTenant({ apiKeyId }) },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ apiKeyId }) },
  ],
}
