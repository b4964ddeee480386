export type Fetch = typeof globalThis.fetch

export interface RequestOptions {
  /** Of one attempt, until its answer is read to the end, or a stream begins; and of a provider. 10 seconds if absent. */
  timeoutMilliseconds?: number | undefined
  /** In place of the platform's own. */
  fetch?: Fetch | undefined
}

/** A value that is known, or asked for before each request. */
export type Provided = string | (() => string | Promise<string>)

export interface Credentials {
  /** An access token. Without one only the public operations answer. */
  token?: Provided | undefined
  /** An API key in place of a token, `tk_…`; the service refuses both together. Never in a page: whoever opens it has the key. */
  apiKey?: Provided | undefined
  /** Id, slug or externalId of the tenant that calls are about; the service chooses where nothing is said. */
  tenant?: Provided | undefined
}

/** An answer that is none of the service's: of a proxy, a load balancer or another server. */
export class ForeignAnswerError extends Error {
  override readonly name = 'ForeignAnswerError'
  readonly status: number
  /** What its `Retry-After` says, where it counts seconds. */
  readonly retryAfterSeconds: number | undefined

  constructor(response: Response) {
    super(`Expected JSON, got status ${response.status} with ${response.headers.get('content-type') ?? 'no content'}.`)
    this.status = response.status
    const seconds = response.headers.get('retry-after')
    this.retryAfterSeconds = seconds !== null && /^\d+$/.test(seconds) ? Number(seconds) : undefined
  }
}

export const defaultTimeoutMilliseconds = 10_000

/** A `fetch` that gives up in time and throws ForeignAnswerError for what is not JSON. */
export function createRequest({ timeoutMilliseconds = defaultTimeoutMilliseconds, fetch }: RequestOptions): Fetch {
  return async (input, init) => {
    const own = input instanceof Request ? input.signal : undefined
    const signals = [own, init?.signal, AbortSignal.timeout(timeoutMilliseconds)].filter((signal) => signal != null)
    // Looked up late, so that what replaces it afterwards, such as tracing, is used.
    const response = await (fetch ?? globalThis.fetch)(input, { ...init, signal: AbortSignal.any(signals) })
    if (response.status === 204 || response.status === 304 || isJson(response)) return response
    await response.body?.cancel()
    throw new ForeignAnswerError(response)
  }
}

/** Asks the providers at once, in the caller's own asynchronous context. */
export async function credentialHeaders(options: Credentials & RequestOptions): Promise<Record<string, string>> {
  const providers = (['token', 'apiKey', 'tenant'] as const).map((name) => provided(name, options))
  const [bearer, key, tenantRef] = await Promise.all(providers)
  return {
    ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
    ...(key ? { 'x-api-key': key } : {}),
    ...(tenantRef ? { 'x-tenant-id': tenantRef } : {}),
  }
}

async function provided(name: keyof Credentials, options: Credentials & RequestOptions): Promise<string | undefined> {
  const { [name]: value, timeoutMilliseconds = defaultTimeoutMilliseconds } = options
  if (typeof value !== 'function') return value
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    const message = `The provider of the ${name} did not answer in ${timeoutMilliseconds} ms.`
    timer = setTimeout(() => reject(new DOMException(message, 'TimeoutError')), timeoutMilliseconds)
  })
  try {
    return await Promise.race([value(), late])
  } finally {
    clearTimeout(timer)
  }
}

function isJson(response: Response): boolean {
  return /^application\/(?:[a-z.-]+\+)?jsonl?\b/i.test(response.headers.get('content-type') ?? '')
}
