import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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

/** An API of its own with the demo in it, whose limits are too high to be met. */
export async function openApi(held: AsyncDisposableStack, script: URL = apiScript): Promise<RunningApi> {
  const dataFolder = await useDataFolder(held)
  const environment = { DATA_DIR: dataFolder, PLAN_CATALOGUE: await generousCatalogue(dataFolder) }
  const { origin, pid } = await startServer(held, { script, ready: '/readyz', environment })
  await liftReadLimit(origin)
  return { origin, pid, dataFolder, headers: await signIn(origin, 'admin@acme.test') }
}

/** The default plans, with room for whatever is asked in a minute or a day. Limits stay in the path, and calls are counted. */
async function generousCatalogue(dataFolder: string): Promise<string> {
  const file = new URL('../catalogue/default.yaml', import.meta.resolve('@tenantry/control-plane'))
  const text = await readFile(file, 'utf8')
  const path = join(dataFolder, 'plans.yaml')
  const generous = text
    .replaceAll(/usageCallsPerMinute: [\d_]+/g, 'usageCallsPerMinute: 100_000_000')
    .replaceAll(/api_calls: [\d_]+/g, 'api_calls: unlimited')
  await writeFile(path, generous)
  return path
}

/** The same for reads, as operators do it for one tenant. */
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
