import { errorKinds } from '@tenantry/kernel/errors/app-error'
import { expect, test } from 'vitest'
import { type ErrorCode, errorCatalogue, remedyOf } from './error-catalogue.ts'

/** What clients decide by; a code or status that changes here breaks them. */
const promised = {
  'request.invalid': 400,
  'request.not_found': 404,
  'request.method_not_allowed': 405,
  'request.too_large': 413,
  'request.unsupported_media_type': 415,
  'idempotency.in_progress': 409,
  'idempotency.conflict': 422,
  'service.overloaded': 503,
  internal: 500,
  'tenant.not_found': 404,
  'tenant.inactive': 403,
  'tenant.mismatch': 403,
  'tenant.not_selected': 400,
  'tenant.slug_taken': 409,
  'tenant.concurrent_update': 409,
  'auth.unauthenticated': 401,
  'auth.permission_denied': 403,
  'auth.blocked': 429,
  'auth.ip_not_allowed': 403,
  'api_key.access_disabled': 403,
  'settings.invalid': 422,
  'settings.too_large': 413,
  'settings.restricted_key': 403,
  'usage.limit_exceeded': 429,
  'usage.unknown_meter': 404,
  'usage.idempotency_conflict': 422,
  'rate_limit.exceeded': 429,
} satisfies Partial<Record<ErrorCode, number>>

test('the codes that clients were promised keep their status', () => {
  const statuses = Object.fromEntries(errorCatalogue.map(({ code, kind }) => [code, errorKinds[kind]]))
  expect(statuses).toMatchObject(promised)
})

test('a code is listed once, in order', () => {
  const codes = errorCatalogue.map(({ code }) => code)
  expect(codes).toEqual([...new Set(codes)].sort())
})

test('what is said of a code goes before what is said of its kind', () => {
  expect(remedyOf({ code: 'tenant.slug_taken', kind: 'conflict' })).toMatch(/another slug/)
  expect(remedyOf({ code: 'note.taken', kind: 'conflict' })).toMatch(/current state/)
})
