import type { AnyOperation, Operation, Subscription } from '@tenantry/kernel/contract/operation'
import type { OperationMeta } from '@tenantry/kernel/trpc/init'
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'

export interface RestProcedure {
  /** Path of the procedure in the router, `tenants.info`. */
  name: string
  operation: Operation
}

/** Every procedure that has a route, in the order of the router. */
export function restProcedures(router: AnyTRPCRouter): RestProcedure[] {
  return procedures(router).flatMap(({ name, operation }) => (operation.rest === null ? [] : [{ name, operation }]))
}

/** What only tRPC serves. */
export function subscriptions(router: AnyTRPCRouter): { name: string; operation: Subscription }[] {
  return procedures(router).flatMap(({ name, operation }) => (operation.rest === null ? [{ name, operation }] : []))
}

function procedures(router: AnyTRPCRouter): { name: string; operation: AnyOperation }[] {
  return Object.entries<AnyTRPCProcedure>(router._def.procedures).flatMap(([name, procedure]) => {
    const operation = (procedure._def.meta as OperationMeta | undefined)?.operation
    return operation ? [{ name, operation }] : []
  })
}

/** Names of the `{parameters}` of an OpenAPI path, in order. */
export function pathParameters(path: string): string[] {
  return path.split('/').flatMap((segment) => parameterName(segment) ?? [])
}

export function parameterName(segment: string): string | null {
  return segment.startsWith('{') && segment.endsWith('}') ? segment.slice(1, -1) : null
}

/** Whether a parameter names the tenant of an operation that does not take it as its input. */
export function isTenantHint({ unitOfWork, input }: Operation, parameter: string): boolean {
  return parameter === 'tenantId' && unitOfWork === 'tenant' && !('tenantId' in input.shape)
}

export function successStatus(operation: Operation): number {
  if (operation.rest.successStatus) return operation.rest.successStatus
  return operation.output.def.type === 'void' ? 204 : 200
}

/** Whether input fields travel in a JSON body; otherwise they travel in the query. */
export function takesBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH'
}

/** Whether `If-Match` may stand in for `expectedVersion`. */
export function takesIfMatch(operation: Operation): boolean {
  return (
    operation.type === 'mutation' && operation.rest.versioned === true && 'expectedVersion' in operation.input.shape
  )
}
