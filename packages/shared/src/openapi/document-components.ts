import type { oas31 } from 'zod-openapi'

type Reference = oas31.ReferenceObject

const reference = (kind: string, name: string): Reference => ({ $ref: `#/components/${kind}/${name}` })
export const schemaReference = (name: string) => reference('schemas', name)
export const parameterReference = (name: keyof typeof parameters) => reference('parameters', name)
export const headerReferences = (names: (keyof typeof headers)[]): Record<string, Reference> =>
  Object.fromEntries(names.map((name) => [name, reference('headers', name)]))

export const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token of the configured OpenID Connect issuer.',
  },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'A key of one tenant. It does at most what its creator still may.',
  },
} as const satisfies Record<string, oas31.SecuritySchemeObject>

/** Without examples of versions: Swagger UI sends examples along, and these would be stale. */
export const parameters = {
  'X-Tenant-ID': {
    name: 'X-Tenant-ID',
    in: 'header',
    description:
      'Id, slug or externalId of the tenant the call is about. Without it the subdomain, the API key, the `tenant_id` claim of the token or your only membership decides.',
    schema: { type: 'string', minLength: 1, maxLength: 128 },
  },
  'Idempotency-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'Makes a retry safe: the same key with the same body gets the answer of the first call, for 24 hours. With another body it is refused.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  },
  'Event-Key': {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      "The event's own key, as `idempotencyKey` in the body: however often it comes it is counted once, and a repetition is answered `duplicate`. With another meter or amount it is refused.",
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
  },
  'If-Match': {
    name: 'If-Match',
    in: 'header',
    description:
      'The `ETag` you read, in place of `expectedVersion`, or just the version, `"7"`: nothing else is compared. A stale one answers 412; `*` expects any version.',
    schema: { type: 'string' },
  },
  'If-None-Match': {
    name: 'If-None-Match',
    in: 'header',
    description: 'The `ETag` you have. While the answer would be the same it is 304, without a body.',
    schema: { type: 'string' },
  },
} as const satisfies Record<string, oas31.ParameterObject>

export const headers = {
  'X-Request-Id': {
    description: 'Names this request in logs and in every problem document.',
    schema: { type: 'string' },
  },
  RateLimit: {
    description:
      'What is left (`r`) of the limit, and the seconds (`t`) until it is full again. draft-ietf-httpapi-ratelimit-headers.',
    schema: { type: 'string' },
    example: '"read";r=99;t=60',
  },
  'RateLimit-Policy': {
    description: 'The limit: calls (`q`) in a window of seconds (`w`). draft-ietf-httpapi-ratelimit-headers.',
    schema: { type: 'string' },
    example: '"read";q=100;w=60',
  },
  'Retry-After': { description: 'Seconds after which a retry may succeed.', schema: { type: 'integer', minimum: 0 } },
  ETag: {
    description: 'The version of the resource, a dot, and a digest of what this answer shows of it.',
    schema: { type: 'string' },
    example: '"7.kq9tWNXEJ2IRYz4o"',
  },
  Link: { description: 'The next page, `rel="next"`; absent on the last one.', schema: { type: 'string' } },
  'Idempotency-Replayed': {
    description: '`true` where the answer is that of an earlier call with the same Idempotency-Key.',
    schema: { type: 'string', enum: ['true'] },
  },
  'WWW-Authenticate': { description: 'How to authenticate.', schema: { type: 'string' }, example: 'Bearer' },
} as const satisfies Record<string, oas31.HeaderObject>
