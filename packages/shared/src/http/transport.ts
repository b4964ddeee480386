import {
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  type Operation,
  type OperationLink,
  TRPCClientError,
  type TRPCClientRuntime,
  type TRPCLink,
} from '@trpc/client'
import { observable } from '@trpc/server/observable'
import superjson from 'superjson'
import type { AppRouter } from './app-router.ts'
import { type Credentials, createRequest, credentialHeaders, type RequestOptions } from './request.ts'
import type { RetryOptions } from './retry.ts'
import { subscriptionLink } from './subscription.ts'

export interface TransportOptions extends Credentials, RequestOptions {
  /** Where the service answers, `https://tenantry.example`; empty for the page's own origin. */
  url: string
  /** Gives each read of one moment its answer when it is there, instead of all together with the slowest. */
  streaming?: boolean | undefined
}

/** The server refuses larger batches. */
const callsPerBatch = 20
const longestUrl = 4000

/**
 * Sends reads of one moment together, and each mutation on its own: an idempotency key is one request's. The providers
 * are asked for each call when it is made, and only calls that got the same answers share a request.
 */
export function transportLink(options: TransportOptions & RetryOptions): TRPCLink<AppRouter> {
  return (runtime) => {
    const open = openLinks(options, runtime)
    const subscribe = subscriptionLink({ ...options, url: doorOf(options) }, runtime)
    return ({ op, next }) => {
      if (op.type === 'subscription') return subscribe({ op, next })
      return observable((observer) => {
        let left = false
        let sent: { unsubscribe(): void } | undefined
        const send = (headers: Record<string, string>) => {
          if (!left) sent = open(op, headers)({ op, next }).subscribe(observer)
        }
        credentialHeaders(options).then(send, (error) => observer.error(TRPCClientError.from(error)))
        return () => {
          left = true
          sent?.unsubscribe()
        }
      })
    }
  }
}

type Headers = Record<string, string>

const doorOf = ({ url }: TransportOptions) => `${url.replace(/\/$/, '')}/trpc`

function openLinks(options: TransportOptions, runtime: TRPCClientRuntime) {
  const shared = { url: doorOf(options), transformer: superjson, fetch: createRequest(options) }
  const createBatch = options.streaming ? httpBatchStreamLink<AppRouter> : httpBatchLink<AppRouter>
  const batches = new Map<string, OperationLink<AppRouter>>()
  const batch = (headers: Headers) => {
    const caller = JSON.stringify(headers)
    const known = batches.get(caller)
    if (known) return known
    const created = createBatch({
      ...shared,
      headers,
      maxItems: callsPerBatch,
      maxURLLength: longestUrl,
    })(runtime)
    batches.set(caller, created)
    // It is sent in the next turn of the event loop; later calls begin a new one.
    setTimeout(() => batches.delete(caller), 0)
    return created
  }
  return (op: Operation, headers: Headers) =>
    op.type === 'query' ? batch(headers) : httpLink<AppRouter>({ ...shared, headers: withKey(op, headers) })(runtime)
}

function withKey({ context }: Operation, headers: Headers): Headers {
  const { idempotencyKey } = context
  return typeof idempotencyKey === 'string' ? { ...headers, 'idempotency-key': idempotencyKey } : headers
}
