import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { expectedVersion, integer, timestamp } from '@tenantry/kernel/contract/wire'
import { AppError } from '@tenantry/kernel/errors/app-error'
import { z } from 'zod'
import { tenantErrors } from '../tenant/contract.ts'

export class InvalidSettingsError extends AppError<'settings.invalid'> {
  override readonly name = 'InvalidSettingsError'
}

export const settingsErrors = defineErrors(
  'settings',
  {
    invalid: { kind: 'unprocessable', message: 'The settings are not valid.' },
    too_large: { kind: 'too_large', message: 'The settings document would be larger than 10 KB.' },
    restricted_key: { kind: 'forbidden', message: 'You may not write this setting.' },
  },
  { invalid: InvalidSettingsError },
)

/** Anything: judged by the settings' own validation, which names every key, `__proto__` included. */
const document = z.unknown().meta({ type: 'object', additionalProperties: true })

const answer = z.object({
  name: z.string(),
  settings: z
    .record(z.string(), z.unknown())
    .describe('The effective document; sensitive keys only for those who may read them'),
  version: integer(1),
  updatedAt: timestamp(),
})

export const getSettings = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'settings:read',
  rest: {
    method: 'GET',
    path: '/tenants/current/settings',
    summary: "Show the current tenant's settings",
    tags: ['Settings'],
    versioned: true,
    aliases: [{ method: 'GET', path: '/tenants/{tenantId}/settings' }],
  },
  input: z.object({}),
  output: answer,
})

export const getSettingsSchema = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'settings:read',
  rest: {
    method: 'GET',
    path: '/tenants/current/settings/schema',
    summary: 'Show the JSON Schema of the settings',
    description:
      'JSON Schema 2020-12 with defaults, and per key who may write it, which plan feature it needs and whether it is sensitive.',
    tags: ['Settings'],
    aliases: [{ method: 'GET', path: '/tenants/{tenantId}/settings/schema' }],
  },
  input: z.object({}),
  output: z.record(z.string(), z.unknown()),
})

export const updateSettings = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'settings:write',
  rateLimit: 'settings_update',
  audit: 'settings.updated',
  rest: {
    method: 'PUT',
    path: '/tenants/current/settings',
    summary: "Change the current tenant's settings",
    description:
      '`settings` is a JSON Merge Patch (RFC 7396): send only what changes, null resets a key to its default. With `expectedVersion` or If-Match a stale version is refused; without, the patch is merged onto the newest one.',
    tags: ['Settings'],
    versioned: true,
    aliases: [
      { method: 'PATCH', path: '/tenants/current/settings' },
      { method: 'PUT', path: '/tenants/{tenantId}/settings' },
      { method: 'PATCH', path: '/tenants/{tenantId}/settings' },
    ],
  },
  input: z.object({
    name: z
      .unknown()
      .optional()
      .meta({ type: 'string', minLength: 3, maxLength: 100, description: "The tenant's name" }),
    settings: document.optional(),
    expectedVersion: expectedVersion().optional(),
  }),
  output: answer,
  errors: [
    tenantErrors.concurrent_update,
    settingsErrors.invalid,
    settingsErrors.too_large,
    settingsErrors.restricted_key,
  ],
})
