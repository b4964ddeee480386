import { AppError, type ErrorDetails, type ErrorKind } from '../errors/app-error.ts'

export interface ErrorDeclaration {
  kind: ErrorKind
  message: string
}

/** Makes one declared error. `message` replaces the declared one where the case can say more. */
export interface ErrorFactory<Code extends string = string> {
  (details?: ErrorDetails, message?: string): AppError<Code>
  readonly code: Code
  readonly kind: ErrorKind
  readonly message: string
}

export type ErrorFactories<Namespace extends string, Names extends string> = {
  readonly [Name in Names]: ErrorFactory<`${Namespace}.${Name}`>
}

type AppErrorClass = new (kind: ErrorKind, code: never, message: string, details?: ErrorDetails) => AppError

/**
 * Declares the errors of a capability beside its operations. Codes are `namespace.name`.
 * `classes` gives in-process callers a named class for `instanceof`.
 */
export function defineErrors<const Namespace extends string, const Names extends string>(
  namespace: Namespace,
  declarations: Record<Names, ErrorDeclaration>,
  classes: Partial<Record<Names, AppErrorClass>> = {},
): ErrorFactories<Namespace, Names> {
  const factories = Object.entries<ErrorDeclaration>(declarations).map(([name, { kind, message }]) => {
    const code = `${namespace}.${name}`
    const Class = (classes[name as Names] ?? AppError) as new (...args: unknown[]) => AppError
    const make = (details?: ErrorDetails, override?: string) => new Class(kind, code, override ?? message, details)
    return [name, Object.assign(make, { code, kind, message })]
  })
  // Object.fromEntries forgets the keys that the declaration fixed.
  return Object.fromEntries(factories) as unknown as ErrorFactories<Namespace, Names>
}

/** What the doors and the pipeline themselves answer, before or around any capability. */
export const requestErrors = defineErrors('request', {
  invalid: { kind: 'invalid', message: 'The request is not valid.' },
  not_found: { kind: 'not_found', message: 'There is no such route.' },
  method_not_allowed: { kind: 'method_not_allowed', message: 'This path does not take that method.' },
  too_large: { kind: 'too_large', message: 'The body is larger than this operation takes.' },
  unsupported_media_type: { kind: 'unsupported_media_type', message: 'Send the body as application/json.' },
  https_required: { kind: 'forbidden', message: 'This service answers over HTTPS only.' },
})

export const idempotencyErrors = defineErrors('idempotency', {
  in_progress: { kind: 'conflict', message: 'A request with this Idempotency-Key is still running.' },
  conflict: { kind: 'unprocessable', message: 'This Idempotency-Key was used with another body.' },
})

export const serviceErrors = defineErrors('service', {
  overloaded: { kind: 'unavailable', message: 'The service cannot answer right now. Try again shortly.' },
})

export class PermissionDeniedError extends AppError<'auth.permission_denied'> {
  override readonly name = 'PermissionDeniedError'
}

export const authErrors = defineErrors(
  'auth',
  {
    unauthenticated: { kind: 'unauthenticated', message: 'Sign in: the request carries no valid credentials.' },
    permission_denied: { kind: 'forbidden', message: 'You may not do this.' },
    blocked: {
      kind: 'too_many_requests',
      message: 'You went on with what was refused, and are blocked for a while.',
    },
    user_deactivated: {
      kind: 'forbidden',
      message: 'This account was deactivated. Ask whoever operates the service to reactivate it.',
    },
    ip_not_allowed: { kind: 'forbidden', message: 'These credentials may not be used from your address.' },
  },
  { permission_denied: PermissionDeniedError },
)

/** How a key that verifies may be refused; the API key capability adds its own. */
export const apiKeyUseErrors = defineErrors('api_key', {
  access_disabled: { kind: 'forbidden', message: 'This tenant takes no API keys.' },
})

export class TenantNotFoundError extends AppError<'tenant.not_found'> {
  override readonly name = 'TenantNotFoundError'
}

/** How naming a tenant fails; the tenant capability adds its own. */
export const tenantSelectionErrors = defineErrors(
  'tenant',
  {
    not_found: { kind: 'not_found', message: 'There is no such tenant, or you are not a member of it.' },
    inactive: { kind: 'forbidden', message: 'This tenant is not active.' },
    mismatch: { kind: 'forbidden', message: 'The request names two different tenants.' },
    not_selected: {
      kind: 'invalid',
      message:
        'Name a tenant: in the path, or by the header X-Tenant-ID (id, slug or externalId). GET /api/v1/me lists yours.',
    },
  },
  { not_found: TenantNotFoundError },
)

export class UsageLimitExceededError extends AppError<'usage.limit_exceeded'> {
  override readonly name = 'UsageLimitExceededError'
}

/** How a call is refused where a meter of its tenant is used up; the usage capability adds its own. */
export const limitErrors = defineErrors(
  'usage',
  { limit_exceeded: { kind: 'too_many_requests', message: 'The limit of this meter is reached.' } },
  { limit_exceeded: UsageLimitExceededError },
)

export const rateLimitErrors = defineErrors('rate_limit', {
  exceeded: { kind: 'too_many_requests', message: 'Too many requests. Slow down.' },
})

/** The code of an error nobody declared; it leaves without a message of its own. */
export const internalErrorCode = 'internal'
