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
  /** Hears why it could not be found out whether something is allowed, where the caller is told 503. */
  onError?(error: unknown): void
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
  /**
   * Of the caller, by which Tenantry holds what was guessed against whoever guessed; it believes it where the product is
   * among its `TRUSTED_PROXIES`. Without one, all callers of the product are one.
   */
  address: string | undefined
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
    const problem = first && { ...first, requestId, reasons: answer.reasons }
    if (isAboutCaller(problem)) return { problem }
    throw new Error('Tenantry says neither yes nor why not')
  } catch (error) {
    const problem = problemOf(error)
    if (isAboutCaller(problem)) return { problem }
    tell(options, error)
    return { problem: unavailable(requestId) }
  }
}

const aboutCallers = /^(auth|tenant|rate_limit|plan|api_key)\.|^usage\.limit_exceeded$/

/** Tenantry's own faults, the product's mistakes in asking, or no answer at all, say nothing about the caller. */
function isAboutCaller(problem: AccessProblem | undefined): problem is AccessProblem {
  return problem !== undefined && problem.status >= 400 && problem.status < 500 && aboutCallers.test(problem.code)
}

function tell({ onError }: AccessOptions, error: unknown): void {
  try {
    onError?.(error)
  } catch {
    // What listens must not decide who is let through.
  }
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
