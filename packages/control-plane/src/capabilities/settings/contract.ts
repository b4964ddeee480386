import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { expectedVersion, id, integer, tenantRef, timestamp } from '@tenantry/kernel/contract/wire'
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

const source = z.enum(['own', 'inherited', 'locked', 'default'])

const answer = z.object({
  name: z.string(),
  settings: z
    .record(z.string(), z.unknown())
    .describe('The effective document; sensitive keys only for those who may read them'),
  provenance: z
    .record(z.string(), z.object({ source, tenantId: id('tenant').optional() }))
    .describe('Where the value of each key comes from; `tenantId` names the tenant above that set or locked it'),
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
      'JSON Schema 2020-12 with defaults, and per key who may write it, which plan feature it needs, whether it is sensitive and whether tenants below may inherit it.',
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

const inheritance = z.object({
  defaults: z.record(z.string(), z.unknown()).describe('What holds in all tenants below that set nothing else'),
  locks: z.array(z.string()).describe('Keys that no tenant below may change'),
  version: integer(1),
  updatedAt: timestamp(),
})

export const getSettingsInheritance = defineOperation({
  unitOfWork: 'tenant',
  type: 'query',
  permission: 'settings:read',
  rest: {
    method: 'GET',
    path: '/tenants/{tenantId}/settings/inheritance',
    summary: 'Show what a tenant sets for those below it',
    tags: ['Settings'],
    versioned: true,
  },
  input: z.object({ tenantId: tenantRef() }),
  output: inheritance,
})

export const updateSettingsInheritance = defineOperation({
  unitOfWork: 'tenant',
  type: 'mutation',
  permission: 'settings:write',
  rateLimit: 'settings_update',
  audit: 'settings.inheritance_updated',
  rest: {
    method: 'PUT',
    path: '/tenants/{tenantId}/settings/inheritance',
    summary: 'Set defaults and locks for all tenants below',
    description:
      '`defaults` and `locks` are replaced as a whole; what you leave out stays. A locked key has the value of your defaults in all tenants below, whatever they set themselves. Sensitive keys and those that need a plan feature are not inherited.',
    tags: ['Settings'],
    versioned: true,
  },
  input: z.object({
    tenantId: tenantRef(),
    defaults: document.optional(),
    locks: z
      .array(z.string().max(200))
      .max(200)
      .optional()
      .meta({ examples: [['branding.primaryColor']] }),
    expectedVersion: expectedVersion().optional(),
  }),
  output: inheritance,
  errors: [
    tenantErrors.concurrent_update,
    settingsErrors.invalid,
    settingsErrors.too_large,
    settingsErrors.restricted_key,
  ],
})
