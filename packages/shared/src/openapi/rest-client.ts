import createClient, { type Client } from 'openapi-fetch'
import { type Credentials, createRequest, credentialHeaders, type RequestOptions } from '../http/request.ts'
import type { paths } from './rest-schema.ts'

export type { components, operations, paths } from './rest-schema.ts'

export interface RestClientOptions extends Credentials, RequestOptions {
  /** Where the service answers, `https://tenantry.example`; empty for the page's own origin. */
  url: string
}

export type RestClient = Client<paths>

/**
 * Calls the REST door by path: `client.GET('/tenants/current')` gives `{ data }` or, where the service refuses,
 * `{ error }` with the problem document. It throws where there is no answer, and tries nothing again.
 */
export function createRestClient({ url, token, apiKey, tenant, ...options }: RestClientOptions): RestClient {
  const client = createClient<paths>({
    baseUrl: `${url.replace(/\/$/, '')}/api/v1`,
    fetch: createRequest(options),
  })
  client.use({
    onRequest: async ({ request }) => {
      for (const [name, value] of Object.entries(await credentialHeaders({ token, apiKey, tenant }))) {
        // What the call itself says comes first.
        if (!request.headers.has(name)) request.headers.set(name, value)
      }
    },
  })
  return client
}
