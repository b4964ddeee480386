import type { Actor } from '@tenantry/kernel/context/actor'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { RequestContext } from '@tenantry/kernel/context/request-context'
import type { AnyOperation } from '@tenantry/kernel/contract/operation'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { newId } from '@tenantry/kernel/tenancy/id'
import { createCallerFactory, type OperationMeta } from '@tenantry/kernel/trpc/init'
import { expect } from 'vitest'
import { baseRoles, roleScopes, tenantScopes } from '../src/capabilities/access/index.ts'
import { PermissionDeniedError, TenantNotFoundError } from '../src/errors.ts'
import { appRouter } from '../src/router.ts'
import { operator, type TestInstallation, type TestTenant } from '../src/testing.ts'

/** A sentence that names a test, and what shows that it is true. */
export interface IsolationPromise {
  promise: string
  check(installation: TestInstallation): Promise<void>
}

interface Subject {
  path: string
  operation: AnyOperation
  /** Valid but for `tenantId`, which is put in where the operation takes one. */
  input: object
}

const suspensionReason = 'Invoice 2041 is unpaid.'
const service: Actor = { type: 'service', name: 'isolation' }

/**
 * What each operation of a contract owes: nothing to members of other tenants, to too low a role, to nobody, or for a
 * tenant that is not active. `inputs` holds a valid input by procedure path, for operations that need one.
 */
export function isolationPromises(contract: object, inputs: Record<string, object> = {}): IsolationPromise[] {
  const declared = new Set<unknown>(Object.values(contract))
  // The types nest what stands flat there at run time, by path.
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { meta: OperationMeta } }>
  const subjects = Object.entries(procedures).flatMap(([path, { _def }]): Subject[] => {
    const { operation } = _def.meta
    return declared.has(operation) ? [{ path, operation, input: inputs[path] ?? {} }] : []
  })
  if (subjects.length === 0) throw new Error('The router serves no operation of this contract')
  return subjects.flatMap(promisesOf)
}

function promisesOf(subject: Subject): IsolationPromise[] {
  const { path, operation } = subject
  const anonymous = {
    promise: `${path} refuses a caller without a principal before anything is looked up`,
    check: refusesNobody(subject),
  }
  if (operation.unitOfWork === 'none')
    return [{ promise: `${path} answers a caller without a principal`, check: answersNobody(subject) }]
  if (operation.unitOfWork !== 'tenant') return [anonymous]
  return [
    anonymous,
    {
      promise: `${path} tells the owner of another tenant that there is none, and both logs show it`,
      check: hidesFromStrangers(subject),
    },
    ...(operation.permission === 'any'
      ? []
      : [
          {
            promise: `${path} refuses whoever has not ${operation.permission}, and both logs show it`,
            check: needsItsScope(subject),
          },
        ]),
    whileSuspended(subject),
  ]
}

function whileSuspended(subject: Subject): IsolationPromise {
  const { path, operation } = subject
  switch (operation.allowInactive) {
    case true:
      return { promise: `${path} answers for a suspended tenant`, check: answersSuspended(subject) }
    case 'operators':
      return {
        promise: `${path} refuses everybody but operators for a suspended tenant, with state and reason`,
        check: answersOperators(subject),
      }
    case false:
      return {
        promise: `${path} refuses everybody for a suspended tenant, with state and reason`,
        check: refusesSuspended(subject),
      }
  }
}

/** Names the tenant in the path where the operation can, else by the header. */
function call(
  installation: TestInstallation,
  { path, operation, input }: Subject,
  caller: Parameters<TestInstallation['callerAs']>[0],
  tenantRef: string,
) {
  const inPath = 'tenantId' in operation.input.shape
  const procedures = installation.callerAs(caller, inPath ? undefined : tenantRef)
  return follow(procedures, path)(inPath ? { ...input, tenantId: tenantRef } : input)
}

function follow(procedures: object, path: string): (input: object) => Promise<unknown> {
  const found = path.split('.').reduce<unknown>((node, name) => Reflect.get(node as object, name), procedures)
  return found as (input: object) => Promise<unknown>
}

async function refusal(answer: Promise<unknown>) {
  return answer.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (error) => toAppError(error),
  )
}

/** As a door calls for a request without credentials. */
function callAsNobody(dependencies: Dependencies, { path, operation, input }: Subject, tenantRef?: string) {
  const context: RequestContext = {
    dependencies,
    requestId: newId(),
    transport: 'internal',
    client: { address: null, userAgent: null },
    credentials: {},
    tenantHints: tenantRef === undefined ? {} : { header: tenantRef },
    idempotencyKey: null,
    ifMatch: false,
    setHeader: () => undefined,
    logger: dependencies.logger,
  }
  const named = tenantRef !== undefined && 'tenantId' in operation.input.shape ? { tenantId: tenantRef } : {}
  return follow(createCallerFactory(appRouter)(context), path)({ ...input, ...named })
}

/** Fails at the first question. */
function withoutDatabase(dependencies: Dependencies): Dependencies {
  const silent = (name: string) => new Proxy({}, { get: () => () => expect.fail(`asked the ${name}`) })
  return {
    ...dependencies,
    database: silent('database') as Dependencies['database'],
    directory: silent('directory') as Dependencies['directory'],
  }
}

const refusesNobody = (subject: Subject) => async (installation: TestInstallation) => {
  const tenant = await installation.createTenant()
  const refused = await refusal(callAsNobody(withoutDatabase(installation.dependencies), subject, tenant.id))
  expect(refused).toMatchObject({ code: 'auth.unauthenticated', status: 401 })
}

const answersNobody = (subject: Subject) => async (installation: TestInstallation) => {
  await expect(callAsNobody(withoutDatabase(installation.dependencies), subject)).resolves.toBeDefined()
}

const hidesFromStrangers = (subject: Subject) => async (installation: TestInstallation) => {
  const victim = await installation.createTenant()
  const { user: stranger } = await installation.enter()
  const missing = await refusal(call(installation, subject, stranger, newId()))
  for (const reference of [victim.id, victim.slug]) {
    const refused = await refusal(call(installation, subject, stranger, reference))
    expect(refused).toBeInstanceOf(TenantNotFoundError)
    expect({ ...refused, message: refused.message }).toEqual({ ...missing, message: missing.message })
  }
  await expectDenied(
    installation,
    victim,
    { actorId: stranger.id, details: { code: 'tenant.not_found', operation: subject.path } },
    2,
  )
}

const needsItsScope = (subject: Subject) => async (installation: TestInstallation) => {
  const tenant = await installation.createTenant()
  const { permission } = subject.operation
  const callers: Parameters<typeof call>[2][] = [
    { type: 'service', name: 'narrowed', scopes: tenantScopes.filter((scope) => scope !== permission) },
  ]
  for (const role of baseRoles.filter((role) => !roleScopes[role].has(permission as string))) {
    callers.push(await installation.createMember(tenant.id, role))
  }
  for (const caller of callers) {
    const refused = await refusal(call(installation, subject, caller, tenant.id))
    expect(refused).toBeInstanceOf(PermissionDeniedError)
    // What is for platform admins only, no scope of a tenant gives.
    const details = permission === 'platform' ? {} : { missingScope: permission }
    expect(refused).toMatchObject({ status: 403, details })
  }
  await expectDenied(
    installation,
    tenant,
    { details: { code: 'auth.permission_denied', operation: subject.path } },
    callers.length,
  )
}

/** In the tenant's log stands nothing but the attempts, and each in the platform's too. */
async function expectDenied(
  installation: TestInstallation,
  tenant: TestTenant,
  entry: object,
  times: number,
): Promise<void> {
  const denied = Array.from({ length: times }, () => ({ action: 'access.denied', outcome: 'denied', ...entry }))
  expect(await installation.auditEntries(tenant.id)).toMatchObject(denied)
  const concerning = (await installation.platformAuditEntries()).filter(
    ({ concernsTenantId }) => concernsTenantId === tenant.id,
  )
  expect(concerning).toMatchObject(denied)
}

async function suspendedTenant(installation: TestInstallation) {
  const { tenant, user: owner } = await installation.enter({ status: 'suspended', statusReason: suspensionReason })
  return { tenant, callers: [owner, service, operator] as Parameters<typeof call>[2][] }
}

const refusesSuspended = (subject: Subject) => async (installation: TestInstallation) => {
  const { tenant, callers } = await suspendedTenant(installation)
  for (const caller of callers)
    expect(await refusal(call(installation, subject, caller, tenant.id))).toMatchObject(inactive)
  expect(await installation.auditEntries(tenant.id)).toEqual([])
}

const inactive = { code: 'tenant.inactive', status: 403, details: { state: 'suspended', reason: suspensionReason } }

/** Whether it can do anything for them in that state is another matter. */
const answersOperators = (subject: Subject) => async (installation: TestInstallation) => {
  const { tenant, callers } = await suspendedTenant(installation)
  for (const caller of callers.filter((caller) => caller !== operator))
    expect(await refusal(call(installation, subject, caller, tenant.id))).toMatchObject(inactive)
  expect(await installation.auditEntries(tenant.id)).toEqual([])
  const answer = call(installation, subject, operator, tenant.id)
  expect(await answer.catch((error) => toAppError(error).code)).not.toBe(inactive.code)
}

const answersSuspended = (subject: Subject) => async (installation: TestInstallation) => {
  const { tenant, callers } = await suspendedTenant(installation)
  for (const caller of callers) {
    const answer = await call(installation, subject, caller, tenant.id)
    // Not all of them show the state; none shows another.
    expect(JSON.stringify(answer)).not.toMatch(/"(status|effectiveStatus|state)":"active"/)
  }
}
