import { apiKeyUseErrors, defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { page, pageInput } from '@tenantry/kernel/contract/page'
import { id, integer, scope, tenantRef, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const apiKeyErrors = defineErrors('api_key', {
  not_found: { kind: 'not_found', message: 'There is no such API key in this tenant.' },
  expired: { kind: 'conflict', message: 'This API key has expired. Create another one.' },
  overlap_running: {
    kind: 'conflict',
    message:
      'The key was rotated lately, and the secret before that still works. Rotate with overlapSeconds 0 to end it.',
  },
})

const tags: [string] = ['API keys']
const day = 86_400

const apiKeyFields = {
  id: id('API key'),
  name: z.string(),
  scopes: z.array(z.string()).describe('What it may do, as far as its creator still may'),
  ipAllowlist: z.array(z.string()).describe('Addresses and CIDRs it may be used from; none is any address'),
  expiresAt: timestamp().nullable(),
  createdBy: z
    .object({ type: z.enum(['user', 'platformAdmin', 'service', 'system']), id: z.string() })
    .describe('A key of a user ends with their membership; one that the platform made is the tenant’s own'),
  createdAt: timestamp(),
  rotatedAt: timestamp().nullable(),
  formerSecretEndsAt: timestamp().nullable().describe('Until when the secret before the last rotation works'),
  lastUsedAt: timestamp().nullable().describe('To the minute, and a minute late at most'),
}
const apiKey = z.object(apiKeyFields)

const newKey = z.object({
  ...apiKeyFields,
  key: z.string().describe('Send it as `X-API-Key`. It is told here, once, and kept nowhere'),
})

const addressOrRange = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: 'Expected an IP address or a CIDR range like 203.0.113.0/24.',
})

export const listApiKeys = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'keys:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/api-keys',
    summary: 'List the API keys of a tenant',
    description: 'The newest first, without their secrets.',
    tags,
  },
  input: z.object({ tenantId: tenantRef(), ...pageInput, cursor: id('API key').optional() }),
  output: page(apiKey),
})

export const createApiKey = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'keys:manage',
  audit: 'api_key.created',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/api-keys',
    summary: 'Create an API key',
    description:
      'With scopes that you hold yourself. What you may no longer do the key may not either, and without you as a member it ends. Keys make no other keys.',
    tags,
    successStatus: 201,
  },
  input: z.object({
    tenantId: tenantRef(),
    name: text(1, 100),
    scopes: z.array(scope()).min(1).max(100),
    expiresAt: timestamp().optional(),
    ipAllowlist: z.array(addressOrRange).max(50).optional(),
  }),
  output: newKey,
  errors: [apiKeyUseErrors.access_disabled],
})

export const rotateApiKey = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'keys:manage',
  audit: 'api_key.rotated',
  rest: {
    method: 'POST',
    path: '/tenants/{tenantId}/api-keys/{apiKeyId}/rotate',
    summary: 'Give an API key a new secret',
    description:
      'The secret before it works on for `overlapSeconds`, a day unless told, a week at most, 0 to end it at once. Only who made a key rotates it, or the key itself; anybody else revokes it and creates another.',
    tags,
  },
  input: z.object({
    tenantId: tenantRef(),
    apiKeyId: id('API key'),
    overlapSeconds: integer(0, 7 * day).default(day),
  }),
  output: newKey,
  errors: [apiKeyErrors.not_found, apiKeyErrors.expired, apiKeyErrors.overlap_running],
})

export const removeApiKey = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'keys:manage',
  audit: 'api_key.revoked',
  rest: {
    method: 'DELETE',
    path: '/tenants/{tenantId}/api-keys/{apiKeyId}',
    summary: 'Revoke an API key',
    description:
      'It stops working within a second, everywhere. A key may revoke itself, and keys that hold no more than it does.',
    tags,
  },
  input: z.object({ tenantId: tenantRef(), apiKeyId: id('API key') }),
  output: z.object({ id: id('API key'), revokedAt: timestamp() }),
  errors: [apiKeyErrors.not_found],
})
