import type { Problem } from '../http/app-router.ts'
import { createTenantryClient } from '../http/client.ts'
import { problemOf } from '../http/errors.ts'
import type { Operations } from '../http/operations.ts'
import type { Fetch, RequestOptions } from '../http/request.ts'

/** What one request of a product needs; at least one of permission, feature and meter. */
export type AccessQuestion = Omit<Operations['access']['check']['input'], 'tenantId'>

/** Who asks, in which tenant, and whether they may. */
export type AccessAnswer = Operations['access']['check']['output']

/** `timeoutMilliseconds` is 2 seconds if absent. Nothing is tried again, and no answer is kept. */
export interface AccessOptions extends RequestOptions {
  /** Where Tenantry answers, `https://tenantry.internal`. */
  url: string
}

/** Whose request it is, by the credentials that came with it. */
export interface AccessCaller {
  /** As the `Authorization` header says it; only a bearer token is passed on. */
  authorization?: string | undefined
  apiKey?: string | undefined
  /** What the `X-Tenant-ID` header says. */
  tenantHeader?: string | undefined
  /** The tenant that the product itself has found: id, slug or externalId. It must not differ from the header. */
  tenant?: string | undefined
  requestId?: string | undefined
  /** Of the caller; Tenantry believes it where the product is among its `TRUSTED_PROXIES`. */
  address?: string | undefined
}

/** Why a request is refused: the first reason, and all of them where Tenantry has said no. */
export interface AccessProblem extends Problem {
  reasons?: AccessAnswer['reasons']
}

export type Verdict = { answer: AccessAnswer } | { problem: AccessProblem }

const defaultTimeoutMilliseconds = 2_000

/** Never throws: what could not be found out is refused with 503. */
export async function askAccess(
  options: AccessOptions,
  caller: AccessCaller,
  question: AccessQuestion,
): Promise<Verdict> {
  const requestId = caller.requestId ?? crypto.randomUUID()
  try {
    const client = createTenantryClient({
      timeoutMilliseconds: defaultTimeoutMilliseconds,
      ...options,
      token: /^Bearer +(\S+) *$/i.exec(caller.authorization ?? '')?.[1],
      apiKey: caller.apiKey,
      tenant: caller.tenantHeader,
      retries: 0,
      fetch: onBehalfOf(caller, requestId, options.fetch),
    })
    const answer = await client.access.check.query({ ...question, tenantId: caller.tenant ?? 'current' })
    if (answer.allowed === true) return { answer }
    const [first] = answer.reasons
    return { problem: refusal(first && { ...first, requestId, reasons: answer.reasons }, requestId) }
  } catch (error) {
    return { problem: refusal(problemOf(error), requestId) }
  }
}

/** What is Tenantry's own fault, or no answer of it at all, says nothing about the caller. */
function refusal(problem: AccessProblem | undefined, requestId: string): AccessProblem {
  return problem && problem.status >= 400 && problem.status < 500 ? problem : unavailable(requestId)
}

function onBehalfOf({ address }: AccessCaller, requestId: string, send: Fetch | undefined): Fetch {
  return (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('x-request-id', requestId)
    if (address !== undefined) headers.set('x-forwarded-for', address)
    // Wherever a redirect led, the caller's key would go along.
    return (send ?? globalThis.fetch)(input, { ...init, headers, redirect: 'error' })
  }
}

const unavailable = (requestId: string): AccessProblem => ({
  type: 'urn:tenantry:error:service.overloaded',
  title: 'Service Unavailable',
  status: 503,
  detail: 'Whether this is allowed could not be found out. Try again shortly.',
  code: 'service.overloaded',
  requestId,
  retryAfterSeconds: 1,
})
