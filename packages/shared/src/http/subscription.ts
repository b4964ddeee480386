import { httpSubscriptionLink, type OperationLink, retryLink, type TRPCClientRuntime } from '@trpc/client'
import { EventSource, type FetchLike } from 'eventsource'
import superjson from 'superjson'
import type { AppRouter } from './app-router.ts'
import { problemOf } from './errors.ts'
import {
  type Credentials,
  credentialHeaders,
  defaultTimeoutMilliseconds,
  ForeignAnswerError,
  type RequestOptions,
} from './request.ts'
import { type RetryOptions, retryDelayMilliseconds } from './retry.ts'

export interface SubscriptionOptions extends Credentials, RequestOptions, RetryOptions {
  /** Of the tRPC door. */
  url: string
}

const longestStreamWaitMilliseconds = 5 * 60_000
const leastLifeMilliseconds = 10_000

/**
 * Listens by server-sent events. A lost connection is made again, with what the providers say by then, and goes on
 * after the last event that came; so does a stream whose token has run out, where the provider has a newer one.
 */
export function subscriptionLink(options: SubscriptionOptions, runtime: TRPCClientRuntime): OperationLink<AppRouter> {
  const { token, apiKey, retries, url } = options
  const renews = [token, apiKey].some((provider) => typeof provider === 'function')
  return ({ op, next }) => {
    let sent: string | undefined
    let refused: string | undefined
    let renewedAt = Number.NEGATIVE_INFINITY
    let wait = 0
    const isWorthwhile = (error: unknown, attempt: number) => {
      wait = Math.min(retryDelayMilliseconds(op, error, attempt) ?? 0, longestStreamWaitMilliseconds)
      if (wait > 0) return retries !== 0
      if (!renews || problemOf(error)?.code !== 'auth.unauthenticated') return false
      // A provider may have something new for every call, all of it refused.
      const isNews = sent !== refused && performance.now() - renewedAt > leastLifeMilliseconds
      refused = sent
      renewedAt = performance.now()
      return isNews
    }
    const listen = httpSubscriptionLink<AppRouter, typeof EventSource>({
      url,
      transformer: superjson,
      EventSource,
      eventSourceOptions: { fetch: createConnect(options, (credential) => (sent = credential)) },
    })(runtime)
    const again = retryLink<AppRouter>({
      retry: ({ error, attempts }) => isWorthwhile(error, attempts),
      retryDelayMs: () => wait,
    })(runtime)
    return again({ op, next: (resumed) => listen({ op: resumed, next }) })
  }
}

/** Whatever it throws is a lost connection to the EventSource, which tries again; it gives up at other answers. */
function createConnect(options: SubscriptionOptions, onSend: (credential: string | undefined) => void): FetchLike {
  const { timeoutMilliseconds = defaultTimeoutMilliseconds, fetch } = options
  return async (url, init) => {
    const late = new AbortController()
    const reason = new DOMException('The service did not answer in time.', 'TimeoutError')
    const timer = setTimeout(() => late.abort(reason), timeoutMilliseconds)
    try {
      const headers = await credentialHeaders(options)
      onSend(headers.authorization ?? headers['x-api-key'])
      const response = await (fetch ?? globalThis.fetch)(url, {
        headers: { ...init?.headers, ...headers },
        cache: 'no-store',
        signal: AbortSignal.any([late.signal, ...(init?.signal ? [init.signal as AbortSignal] : [])]),
      })
      if (response.status < 500) return response
      await response.body?.cancel()
      throw new ForeignAnswerError(response)
    } finally {
      clearTimeout(timer)
    }
  }
}
