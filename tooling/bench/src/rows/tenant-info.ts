import { apiScript, openApi } from '../api.ts'
import { superuserUrl } from '../data-folder.ts'
import { httpLoad } from '../load.ts'
import { startServer } from '../process.ts'
import { type Comparison, compare, type Row } from '../row.ts'

const serverScript = (name: string) => new URL(`../servers/${name}.ts`, import.meta.url)

export const tenantInfoRows: Row[] = [
  {
    name: 'tenants.info, warm, by tRPC',
    ceiling: 'empty procedure by tRPC',
    goal: 0.7,
    measure: (held) => measureWarm(held, '/trpc/tenants.info', '/trpc/empty'),
  },
  {
    name: 'tenants.info, warm, by REST',
    ceiling: 'empty operation by REST',
    goal: 0.5,
    measure: (held) => measureWarm(held, '/api/v1/tenants/current', '/api/v1/empty'),
  },
  {
    name: 'tenants.info on a cache miss, by REST: RLS and signed context',
    ceiling: 'one plain SELECT by REST',
    goal: 0.5,
    measure: measureMiss,
  },
]

/** JWT, membership, role check, rate limit and cache on one side; nothing on the other. */
async function measureWarm(held: AsyncDisposableStack, subjectPath: string, ceilingPath: string): Promise<Comparison> {
  const { origin, headers } = await openApi(held, apiScript)
  const ceiling = await startServer(held, { script: serverScript('empty'), ready: '/api/v1/empty' })
  return compare(
    httpLoad({ url: `${origin}${subjectPath}`, headers }),
    httpLoad({ url: `${ceiling.origin}${ceilingPath}`, headers }),
  )
}

/** The same and the whole unit of work on one side; a statement to the same database on the other. */
async function measureMiss(held: AsyncDisposableStack): Promise<Comparison> {
  const { origin, headers, dataFolder } = await openApi(held, serverScript('always-loading'))
  const environment = { SUPERUSER_URL: await superuserUrl(dataFolder) }
  const ready = '/api/v1/tenant'
  const ceiling = await startServer(held, { script: serverScript('plain-select'), ready, environment })
  return compare(
    httpLoad({ url: `${origin}/api/v1/tenants/current`, headers }),
    httpLoad({ url: `${ceiling.origin}${ready}`, headers }),
  )
}
