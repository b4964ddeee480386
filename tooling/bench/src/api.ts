import { useDataFolder } from './data-folder.ts'
import { startServer } from './process.ts'

export interface RunningApi {
  origin: string
  pid: number
  dataFolder: string
  /** Signs the admin of the demo's tenant acme in. */
  headers: { authorization: string }
}

export const apiScript = new URL('../../../apps/api/src/main.ts', import.meta.url)

/** An API of its own with the demo in it, whose read limit is too high to be met. */
export async function openApi(held: AsyncDisposableStack, script: URL = apiScript): Promise<RunningApi> {
  const dataFolder = await useDataFolder(held)
  const { origin, pid } = await startServer(held, { script, ready: '/readyz', environment: { DATA_DIR: dataFolder } })
  await liftReadLimit(origin)
  return { origin, pid, dataFolder, headers: await signIn(origin, 'admin@acme.test') }
}

/** The limit stays in the path and is counted. */
async function liftReadLimit(origin: string): Promise<void> {
  const response = await fetch(`${origin}/api/v1/tenants/current/settings`, {
    method: 'PUT',
    headers: {
      ...(await signIn(origin, 'operator@tenantry.test')),
      'content-type': 'application/json',
      'x-tenant-id': 'acme',
    },
    body: JSON.stringify({ settings: { rateLimits: { requestsPerMinute: 1_000_000 } } }),
  })
  if (!response.ok) throw new Error(`The read limit could not be lifted: ${await response.text()}`)
}

async function signIn(origin: string, email: string): Promise<{ authorization: string }> {
  const response = await fetch(`${origin}/dev/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email }),
  })
  const { token } = (await response.json()) as { token: string }
  return { authorization: `Bearer ${token}` }
}
