import type { AnyOperation, Operation, RestRoute, Subscription } from '@tenantry/kernel/contract/operation'
import type { Finding } from '@tenantry/kernel/tenancy/inspection'
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { z } from 'zod'
import type { CataloguedError } from '../src/error-catalogue.ts'
import { travelsInQuery } from './conformance-wire.fixture.ts'

export interface Vocabulary {
  scopes: readonly string[]
  errors: readonly CataloguedError[]
}

interface Declared<Kind = AnyOperation> {
  /** Path of the procedure in the router. */
  name: string
  operation: Kind
}

/** What every operation of a router owes. */
export function operationFindings(router: AnyTRPCRouter, vocabulary: Vocabulary): Finding[] {
  const procedures = Object.entries<AnyTRPCProcedure>(router._def.procedures)
  const declared = procedures.flatMap(([name, procedure]): Declared[] => {
    const operation = operationOf(procedure)
    return operation ? [{ name, operation }] : []
  })
  return [
    ...procedures.flatMap(([name, procedure]) =>
      findings(name, [...nameFaults(name), ...declarationFaults(procedure)]),
    ),
    ...declared.flatMap(({ name, operation }) =>
      findings(name, [...permissionFaults(operation, vocabulary.scopes), ...errorFaults(operation, vocabulary.errors)]),
    ),
    ...declared
      .filter(hasRoute)
      .flatMap(({ name, operation }) =>
        findings(name, [
          ...changeFaults(operation),
          ...routeFaults(operation),
          ...statusFaults(name, operation),
          ...inputFaults(operation),
        ]),
      ),
    ...routeClashes(declared.filter(hasRoute)),
  ]
}

const hasRoute = (one: Declared): one is Declared<Operation> => one.operation.rest !== null

const operationOf = ({ _def }: AnyTRPCProcedure) => (_def.meta as { operation?: AnyOperation } | undefined)?.operation

const findings = (name: string, faults: (string | false)[]): Finding[] =>
  faults.filter((fault) => fault !== false).map((message) => ({ subject: `operation ${name}`, message }))

const nounAndVerb = /^[a-z][a-z0-9]*([A-Z][a-z0-9]+)*\.[a-z][a-z0-9]*([A-Z][a-z0-9]+)*$/

const nameFaults = (name: string) => [
  !nounAndVerb.test(name) && 'Its name is not noun.verb in camelCase, like "apiKeys.create".',
]

function declarationFaults(procedure: AnyTRPCProcedure): (string | false)[] {
  const operation = operationOf(procedure)
  // The types of tRPC keep the output parser and the inputs to themselves.
  const { output, type } = procedure._def as unknown as { output?: unknown; type: string }
  if (!operation) return ['It declares no operation: declare it in contract.ts and build the procedure from that.']
  if (operation.type === 'subscription') return subscriptionFaults(operation, type)
  return [
    output === undefined && 'It has no output parser: build the procedure with tenantOperation, userOperation, ….',
    output !== undefined && output !== operation.output && 'It answers by another schema than the declared output.',
    type !== operation.type && `It is declared as a ${operation.type} and served as a ${type}.`,
    operation.rest.summary.trim() === '' && 'It has no summary: say in a few words what it does.',
    (operation.rest.tags.length !== 1 || operation.rest.tags[0].trim() === '') &&
      'It has not one tag: name the one chapter of the reference that it belongs to.',
  ]
}

/** Its items are parsed where the procedure is built, by `tenantSubscription`. */
const subscriptionFaults = ({ summary }: Subscription, type: string) => [
  type !== 'subscription' && `It is declared as a subscription and served as a ${type}.`,
  summary.trim() === '' && 'It has no summary: say in a few words what it does.',
]

function permissionFaults(operation: AnyOperation, scopes: readonly string[]) {
  const { unitOfWork, permission, operatorSpansTenants, cached, type } = operation
  const inTenant = unitOfWork === 'tenant'
  const known = permission === null || [...scopes, 'any', 'platform'].includes(permission)
  return [
    inTenant && permission === null && 'It works in a tenant and needs no scope: name one of tenantScopes.',
    !known && `There is no scope ${permission}: name one of tenantScopes.`,
    operatorSpansTenants && unitOfWork !== 'user' && 'Only a user operation can be entered by operators as such.',
    !inTenant && permission !== null && `Scopes are held in a tenant: a ${unitOfWork} operation has permission null.`,
    cached !== null && !(inTenant && type === 'query') && 'Only what a query answers of a tenant can be cached.',
  ]
}

const defaultReason = 'reads change nothing'

function changeFaults({ type, audit, idempotency, rest }: Operation): (string | false)[] {
  const changes = type === 'mutation'
  const says = typeof audit === 'string' ? audit : audit.none
  return [
    changes &&
      routesOf(rest).some(({ method }) => method === 'GET') &&
      'It changes something by GET: use POST, PUT, PATCH or DELETE.',
    changes &&
      typeof audit === 'string' &&
      !/^[a-z_]+(\.[a-z_]+)+$/.test(audit) &&
      `"${audit}" is no audit action: say what happened to what, like "tenant.updated".`,
    changes &&
      typeof audit !== 'string' &&
      ['', defaultReason].includes(says.trim()) &&
      'It changes something without an audit entry: declare the action, or { none: reason }.',
    !changes && typeof audit === 'string' && 'A query runs read-only and can write no audit entry.',
    idempotency !== 'none' && rest.method !== 'POST' && 'Only POST takes an Idempotency-Key: leave idempotency out.',
  ]
}

const routeForm = /^(\/([a-z0-9-]+|\{[a-z][A-Za-z0-9]*\}))+$/

function routeFaults({ rest, input, output, unitOfWork }: Operation): (string | false)[] {
  const isKnown = (path: string, name: string) =>
    // The door says by the context which tenant an alias names.
    name in input.shape || (name === 'tenantId' && unitOfWork === 'tenant' && path !== rest.path)
  const missing = routesOf(rest).flatMap(({ path }) => parametersOf(path).filter((name) => !isKnown(path, name)))
  const optional = parametersOf(rest.path).filter((name) => input.shape[name]?.safeParse(undefined).success)
  const answersVersion = output instanceof z.ZodObject && 'version' in output.shape
  return [
    ...routesOf(rest)
      .filter(({ path }) => !routeForm.test(path))
      .map(({ path }) => `${path} is no path: lower-case words joined by hyphens, and {parameters}.`),
    ...missing.map((name) => `The path has {${name}} and the input has not: add ${name} to the input.`),
    ...optional.map((name) => `{${name}} is optional in the input, and the path always has it.`),
    !isJson(output) && 'It answers what JSON cannot say: use the primitives of kernel/contract/wire.ts.',
    rest.versioned === true && !answersVersion && 'It is versioned and answers no version: add version to the output.',
  ]
}

/** Answers leave both doors as they are: nothing revives a Date, a bigint or a Map at the client. */
function isJson(output: z.ZodType): boolean {
  if (output.def.type === 'void') return true
  try {
    z.toJSONSchema(output, { io: 'output', unrepresentable: 'throw' })
    return true
  } catch {
    return false
  }
}

/** Clients tell something new (201) from work that goes on (202); the default of 200 would say neither. */
const statusFaults = (name: string, { rest }: Operation) => [
  rest.method === 'POST' &&
    /\.(create|add)([A-Z]|$)/.test(name) &&
    rest.successStatus === undefined &&
    'It creates something by POST and leaves the status open: set successStatus, 201 as a rule.',
]

function inputFaults({ rest, input }: Operation): string[] {
  const bodyless = routesOf(rest).some(({ method }) => !['POST', 'PUT', 'PATCH'].includes(method))
  const inPath = routesOf(rest).flatMap(({ path }) => parametersOf(path))
  const texts = Object.entries(input.shape).filter(([name]) => bodyless || inPath.includes(name))
  return texts
    .filter(([, schema]) => !travelsInQuery(schema as z.ZodType))
    .map(([name]) => `${name} cannot come from a path or query: use text, id, integer, a boolean, an enum, or a list.`)
}

function errorFaults({ errors }: AnyOperation, known: readonly CataloguedError[]): (string | false)[] {
  return errors.flatMap(({ code, kind, message }, place) => [
    !known.some((error) => error.code === code && error.kind === kind && error.message === message) &&
      `The error ${code} is not in the catalogue: declare it with defineErrors and list the group in error-catalogue.ts.`,
    errors.findIndex((error) => error.code === code) !== place && `The error ${code} is declared twice.`,
  ])
}

function routeClashes(declared: readonly Declared<Operation>[]): Finding[] {
  const routes = declared.flatMap(({ name, operation }) =>
    routesOf(operation.rest).map(({ method, path }) => ({
      name,
      route: `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`,
    })),
  )
  return routes.flatMap(({ name, route }, place) => {
    const first = routes.find((other) => other.route === route)
    if (first === undefined || first === routes[place]) return []
    return findings(name, [`${route} is served by ${first.name} already: choose another path.`])
  })
}

const routesOf = ({ method, path, aliases = [] }: RestRoute) => [{ method, path }, ...aliases]

const parametersOf = (path: string) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
