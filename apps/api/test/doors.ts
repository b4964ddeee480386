import { appRouter } from '@tenantry/control-plane'
import { createInternalCaller } from '@tenantry/control-plane/caller'
import type { Operation } from '@tenantry/kernel/contract/operation'
import { AppError } from '@tenantry/kernel/errors/app-error'
import { toProblem } from '@tenantry/kernel/errors/problem'
import { pathParameters, restProcedures, takesBody } from '@tenantry/shared/openapi/rest-procedure'
import { createTRPCUntypedClient, httpLink, TRPCClientError } from '@trpc/client'
import superjson from 'superjson'
import type { TestApi } from './api-server.ts'
import { bearer } from './http.ts'
import type { World } from './operation-world.ts'

export type Input = Record<string, unknown>

export interface Call {
  name: string
  operation: Operation
  input: Input
  /** What the caller names besides the path: the header, or in process `tenantId`. */
  tenant: string | undefined
  world: World
}

export type Outcome = { data: unknown } | { problem: unknown }
export type Door = (api: TestApi, call: Call) => Promise<Outcome>

export const operations = restProcedures(appRouter)

export async function byRest(api: TestApi, call: Call): Promise<Outcome> {
  const { operation, input, tenant, world } = call
  const path = operation.rest.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(input[name])))
  const headers = await headersOf(api, world, tenant)
  const { method } = operation.rest
  const body = restBody(call)
  const query = new URLSearchParams(
    Object.entries(outsidePath(call)).map(([field, value]): [string, string] => [field, String(value)]),
  )
  const reply = body
    ? await api.rest(path, { method, headers, json: body })
    : await api.rest(query.size > 0 ? `${path}?${query}` : path, { method, headers })
  return reply.status < 400 ? { data: reply.json } : { problem: reply.json }
}

/** What travels as JSON; undefined for methods without a body. */
export function restBody(call: Call): Input | undefined {
  return takesBody(call.operation.rest.method) ? outsidePath(call) : undefined
}

function outsidePath({ operation, input }: Call): Input {
  const inPath = pathParameters(operation.rest.path)
  return Object.fromEntries(Object.entries(input).filter(([field]) => !inPath.includes(field)))
}

export async function byTrpc(api: TestApi, { name, operation, input, tenant, world }: Call): Promise<Outcome> {
  const headers = await headersOf(api, world, tenant)
  const client = createTRPCUntypedClient({
    links: [httpLink({ url: `${api.origin}/trpc`, transformer: superjson, headers })],
  })
  try {
    return { data: operation.type === 'query' ? await client.query(name, input) : await client.mutation(name, input) }
  } catch (error) {
    if (!(error instanceof TRPCClientError)) throw error
    return { problem: error.data.problem }
  }
}

export async function inProcess({ installation }: TestApi, { name, input, tenant, world }: Call): Promise<Outcome> {
  const type = world.caller === 'operator' ? 'platformAdmin' : 'user'
  const caller = createInternalCaller(installation.dependencies, {
    actor: { type, ...world.user, name: null },
    ...(tenant === undefined ? {} : { tenantId: tenant }),
  })
  // The table names procedures by text, which no type can follow.
  const procedure = name.split('.').reduce<unknown>((part, key) => (part as Input)[key], caller)
  try {
    return { data: await (procedure as (input: Input) => Promise<unknown>)(input) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { problem: toProblem(error, '') }
  }
}

async function headersOf(
  api: TestApi,
  { caller, user }: World,
  tenant: string | undefined,
): Promise<Record<string, string>> {
  const token = await api.issuer.sign({ email: user.email, platformAdmin: caller === 'operator' })
  return {
    ...(caller === 'anonymous' ? {} : bearer(token)),
    ...(tenant === undefined ? {} : { 'x-tenant-id': tenant }),
  }
}
