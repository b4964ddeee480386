import { createInternalCaller } from '@tenantry/control-plane/caller'
import { insertTenant } from '@tenantry/control-plane/capabilities/tenant/index'
import type { RequestContext } from '@tenantry/kernel/context/request-context'
import { createCallerFactory } from '@tenantry/kernel/trpc/init'
import { apiScript, openApi } from '../api.ts'
import { useDataFolder } from '../data-folder.ts'
import { openInstallation, readConfig } from '../installation.ts'
import { httpLoad, processLoad } from '../load.ts'
import { startServer } from '../process.ts'
import { type Comparison, compare, type Row } from '../row.ts'
import { emptyRouter } from '../servers/empty-router.ts'

/** Everything that can be asked at once. */
const question = { permission: 'usage:write', feature: 'analytics', meter: 'tokens', amount: 5 }

export const accessCheckRows: Row[] = [
  {
    name: 'access.check, warm, by tRPC',
    ceiling: 'empty procedure by tRPC',
    goal: 0.5,
    measure: (held) => {
      const input = JSON.stringify({ json: { tenantId: 'current', ...question } })
      return measureOverHttp(held, { path: `/trpc/access.check?input=${encodeURIComponent(input)}` }, '/trpc/empty')
    },
  },
  {
    name: 'access.check, warm, by REST',
    ceiling: 'empty operation by REST, without a body',
    goal: 0.4,
    measure: (held) =>
      measureOverHttp(held, { path: '/api/v1/tenants/current/access/check', json: question }, '/api/v1/empty'),
  },
  {
    name: 'access.check, warm, in process',
    ceiling: 'empty procedure in process',
    goal: 0.1,
    measure: measureInProcess,
  },
]

async function measureOverHttp(
  held: AsyncDisposableStack,
  { path, json }: { path: string; json?: unknown },
  ceilingPath: string,
): Promise<Comparison> {
  const { origin, headers } = await openApi(held, apiScript)
  const script = new URL('../servers/empty.ts', import.meta.url)
  const ceiling = await startServer(held, { script, ready: '/api/v1/empty' })
  return compare(
    httpLoad({ url: `${origin}${path}`, headers, json }),
    httpLoad({ url: `${ceiling.origin}${ceilingPath}`, headers }),
  )
}

async function measureInProcess(held: AsyncDisposableStack): Promise<Comparison> {
  const config = readConfig({ DATA_DIR: await useDataFolder(held), LOG_LEVEL: 'warn' })
  const { dependencies, close } = await openInstallation(config)
  held.defer(close)
  const { clock, database } = dependencies
  const { id: tenantId } = await database.platformUnit(
    { actor: { type: 'system', name: 'bench' }, readOnly: false },
    (em) =>
      insertTenant(em, {
        slug: 'bench',
        name: 'Bench',
        plan: 'free',
        contactEmail: 'a@b.test',
        createdAt: clock.now(),
      }),
  )
  const caller = createInternalCaller(dependencies, { actor: { type: 'service', name: 'bench' }, tenantId })
  const empty = createCallerFactory(emptyRouter)({ requestId: 'bare' } as RequestContext)
  return compare(
    processLoad(async () => {
      await caller.access.check({ tenantId: 'current', ...question })
    }),
    processLoad(async () => {
      await empty.empty()
    }),
  )
}
