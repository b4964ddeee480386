import { apiScript, openApi, type RunningApi } from '../api.ts'
import { httpLoad } from '../load.ts'
import { type Comparison, compare, type Row } from '../row.ts'

const forgetful = new URL('../servers/always-verifying.ts', import.meta.url)

export const apiKeyRows: Row[] = [
  {
    name: 'API key, warm: tenants.info by REST',
    ceiling: 'the same request with a bearer token',
    goal: 0.9,
    measure: (held) => measure(held, apiScript),
  },
  {
    name: 'API key, cold: key, creator and settings looked up each time',
    ceiling: 'the same request with a bearer token, warm',
    goal: 0.3,
    measure: (held) => measure(held, forgetful),
  },
]

async function measure(held: AsyncDisposableStack, script: URL): Promise<Comparison> {
  const api = await openApi(held, script)
  const url = `${api.origin}/api/v1/tenants/current`
  return compare(
    httpLoad({ url, headers: { 'x-api-key': await createKey(api) } }),
    httpLoad({ url, headers: { ...api.headers } }),
  )
}

async function createKey({ origin, headers }: RunningApi): Promise<string> {
  const response = await fetch(`${origin}/api/v1/tenants/current/api-keys`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Bench', scopes: ['tenant:read'] }),
  })
  if (!response.ok) throw new Error(`No key was made: ${await response.text()}`)
  return ((await response.json()) as { key: string }).key
}
