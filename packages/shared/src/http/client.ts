import { createTRPCClient, type TRPCClient } from '@trpc/client'
import type { AppRouter } from './app-router.ts'
import { problemLink } from './errors.ts'
import { type RetryOptions, retryLink } from './retry.ts'
import { type TransportOptions, transportLink } from './transport.ts'

export interface TenantryClientOptions extends TransportOptions, RetryOptions {}

export type TenantryClient = TRPCClient<AppRouter>

/**
 * Calls the service from Node or a browser: `client.tenants.info.query()`. Each call takes `{ signal }` to abort it,
 * and a mutation `{ context: { idempotencyKey } }`. Errors of the service carry `problem`; see `isTenantryError`.
 */
export function createTenantryClient(options: TenantryClientOptions): TenantryClient {
  return createTRPCClient<AppRouter>({ links: [retryLink(options), problemLink, transportLink(options)] })
}
