import { requestErrors } from '@tenantry/kernel/contract/errors'
import { expect, test } from 'vitest'
import type { oas31 } from 'zod-openapi'
import { createFixtureRouter } from '../../test/fixture-router.ts'
import { buildOpenApiDocument } from './document.ts'
import { lintDocument } from './redocly.fixture.ts'

const build = () => buildOpenApiDocument(createFixtureRouter(), { serverUrl: '/api/v1', version: '1.2.3' })
const document = build()

function operation(method: 'get' | 'post' | 'patch' | 'delete', path: string): oas31.OperationObject {
  const found = document.paths?.[path]?.[method]
  if (!found) throw new Error(`The document lacks ${method} ${path}`)
  return found
}
function response(of: oas31.OperationObject, status: number): oas31.ResponseObject {
  return of.responses?.[status] as oas31.ResponseObject
}
function parameterNames(of: oas31.OperationObject): string[] {
  return (of.parameters ?? []).map((each) =>
    '$ref' in each ? each.$ref.replace('#/components/parameters/', '') : each.name,
  )
}
function codes(of: oas31.OperationObject, status: number): unknown {
  const schema = response(of, status).content?.['application/problem+json']?.schema as oas31.SchemaObject
  const [problem, narrowed] = schema.allOf ?? []
  expect(problem).toEqual({ $ref: '#/components/schemas/Problem' })
  return (narrowed as { properties: { code: { enum: string[] } } }).properties.code.enum
}
const headerNames = (of: oas31.OperationObject, status: number) => Object.keys(response(of, status).headers ?? {})

test('Redocly finds neither errors nor warnings', { timeout: 30_000 }, async () => {
  const { totals, problems } = await lintDocument(document)
  expect(problems).toEqual([])
  expect(totals).toEqual({ errors: 0, warnings: 0, ignored: 0 })
})

test('the same router gives the same document', () => {
  expect(JSON.stringify(build())).toBe(JSON.stringify(document))
})

test('the document says what it is, and where', () => {
  expect(document).toMatchObject({
    openapi: '3.1.0',
    info: { version: '1.2.3', license: { identifier: 'Apache-2.0' }, description: expect.any(String) },
    servers: [{ url: '/api/v1' }],
  })
  expect(document.tags?.map(({ name, description }) => [name, description])).toContainEqual(['Plans', 'List plans.'])
})

test('an operation is named by its procedure, and its aliases are left out', () => {
  expect(operation('get', '/tenants/current').operationId).toBe('tenants.info')
  expect(document.paths).not.toHaveProperty(['/tenants/onboard'])
  expect(document.paths?.['/tenants/{tenantId}']).not.toHaveProperty('put')
})

test('an operation says which scope and credentials it needs', () => {
  const update = operation('patch', '/tenants/{tenantId}')
  expect(update).toMatchObject({ 'x-required-scope': 'tenant:manage', security: [{ bearer: [] }, { apiKey: [] }] })
  expect(operation('get', '/me').security).toEqual([{ bearer: [] }])
  expect(operation('get', '/plans').security).toEqual([])
  expect(operation('get', '/plans')).not.toHaveProperty('x-required-scope')
  expect(document.components?.securitySchemes).toMatchObject({
    bearer: { scheme: 'bearer' },
    apiKey: { name: 'X-API-Key' },
  })
})

test('the success status is the one the bridge answers with', () => {
  expect(response(operation('post', '/tenants'), 201).content).toHaveProperty(['application/json'])
  expect(operation('post', '/tenants').responses).not.toHaveProperty('200')
  expect(response(operation('delete', '/tenants/{tenantId}'), 204)).not.toHaveProperty('content')
})

test('instants are date-time strings in answers, queries and bodies', () => {
  const instant = { type: 'string', format: 'date-time' }
  expect(document.components?.schemas?.Tenant).toMatchObject({
    properties: { createdAt: instant },
    required: expect.arrayContaining(['createdAt']),
  })
  expect(operation('get', '/tenants').parameters).toContainEqual({ in: 'query', name: 'createdAfter', schema: instant })
  expect(operation('post', '/tenants').requestBody).toMatchObject({
    required: true,
    content: { 'application/json': { schema: { properties: { startsAt: instant }, required: ['name'] } } },
  })
})

test('a body is required only where a field of it is', () => {
  expect(operation('post', '/batch').requestBody).toMatchObject({ required: false })
})

test('header parameters follow what the operation declares', () => {
  expect(parameterNames(operation('get', '/tenants/current'))).toEqual(['X-Tenant-ID', 'If-None-Match'])
  expect(parameterNames(operation('patch', '/tenants/{tenantId}'))).toEqual(['tenantId', 'If-Match'])
  expect(parameterNames(operation('post', '/tenants'))).toEqual(['Idempotency-Key'])
  expect(parameterNames(operation('post', '/batch'))).toEqual(['X-Tenant-ID', 'Event-Key'])
  expect(parameterNames(operation('get', '/me'))).toEqual([])
})

test('answers list the headers they carry', () => {
  expect(headerNames(operation('get', '/tenants'), 200)).toEqual([
    'X-Request-Id',
    'RateLimit',
    'RateLimit-Policy',
    'Link',
  ])
  expect(headerNames(operation('get', '/tenants/current'), 200)).toContain('ETag')
  expect(headerNames(operation('get', '/tenants/current'), 304)).toEqual(['X-Request-Id', 'ETag'])
  expect(headerNames(operation('get', '/me'), 429)).toEqual([
    'X-Request-Id',
    'RateLimit',
    'RateLimit-Policy',
    'Retry-After',
  ])
  expect(headerNames(operation('get', '/me'), 503)).toContain('Retry-After')
  expect(headerNames(operation('post', '/tenants'), 201)).toContain('Idempotency-Replayed')
})

test('errors are listed by status: those declared and those of the pipeline before', () => {
  const update = operation('patch', '/tenants/{tenantId}')
  const statuses = Object.keys(update.responses ?? {})
  expect(statuses).toEqual(['200', '400', '401', '403', '404', '409', '412', '413', '415', '429', '500', '503'])
  expect(codes(update, 403)).toEqual([
    'api_key.access_disabled',
    'auth.ip_not_allowed',
    'auth.permission_denied',
    'auth.user_deactivated',
    'request.https_required',
    'tenant.inactive',
    'tenant.mismatch',
  ])
  expect(codes(update, 404)).toEqual(['tenant.not_found'])
  expect(codes(update, 409)).toEqual(['tenant.concurrent_update'])
  expect(codes(update, 412)).toEqual(['tenant.concurrent_update'])
  expect(codes(operation('post', '/tenants'), 409)).toEqual(['idempotency.in_progress', 'tenant.slug_taken'])
  expect(response(update, 413).description).toBe(`- \`request.too_large\`: ${requestErrors.too_large.message}`)
})

test('an operation lists no error it cannot answer with', () => {
  const ofAnybody = ['200', '400', '401', '403', '429', '500', '503']
  expect(Object.keys(operation('get', '/plans').responses ?? {})).toEqual(ofAnybody)
  const ofAnyone = ['api_key.access_disabled', 'auth.ip_not_allowed', 'auth.user_deactivated']
  expect(codes(operation('get', '/plans'), 403)).toEqual([...ofAnyone, 'request.https_required'])
  expect(codes(operation('get', '/plans'), 429)).toEqual(['auth.blocked', 'rate_limit.exceeded'])
  expect(codes(operation('get', '/tenants/current'), 400)).toEqual(['request.invalid', 'tenant.not_selected'])
  // `current` may stand in the path.
  expect(codes(operation('get', '/tenants/{tenantId}'), 400)).toEqual(['request.invalid', 'tenant.not_selected'])
  const ofUsers = [...ofAnyone, 'auth.permission_denied', 'request.https_required'].toSorted()
  expect(codes(operation('get', '/me'), 403)).toEqual(ofUsers)
  expect(operation('post', '/batch').responses).not.toHaveProperty('422')
})

test('components hold nothing of the generator that no operation uses', () => {
  expect(Object.keys(document.components?.schemas ?? {}).sort()).toEqual(['Problem', 'Tenant'])
})

test('what was really asked and answered stands beside its schema, and a problem beside each code that has one', () => {
  const problem = { code: 'auth.unauthenticated', status: 401 }
  const examples = {
    operations: { 'tenants.create': { body: { name: 'Acme' }, answer: { id: '1', name: 'Acme' } } },
    problems: { 'auth.unauthenticated': problem },
  }
  const shown = buildOpenApiDocument(createFixtureRouter(), { serverUrl: '/api/v1', version: '1.2.3', examples })
  const create = shown.paths?.['/tenants']?.post

  expect(create?.requestBody).toHaveProperty(['content', 'application/json', 'example'], { name: 'Acme' })
  expect(create?.responses).toHaveProperty(['201', 'content', 'application/json', 'example', 'id'], '1')
  expect(create?.responses).toHaveProperty(['401', 'content', 'application/problem+json', 'examples'], {
    'auth.unauthenticated': { $ref: '#/components/examples/auth.unauthenticated' },
  })
  expect(shown.components?.examples).toEqual({ 'auth.unauthenticated': { value: problem } })
  expect(create?.responses?.['403']).not.toHaveProperty(['content', 'application/problem+json', 'examples'])
})
