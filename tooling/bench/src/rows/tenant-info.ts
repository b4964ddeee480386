import { rm } from 'node:fs/promises'
import { createTemporaryDataFolder } from '@tenantry/embedded'
import { startServer } from '../process.ts'
import { type Comparison, compare, type Row } from '../row.ts'

const api = new URL('../../../../apps/api/src/main.ts', import.meta.url)
const empty = new URL('../servers/empty.ts', import.meta.url)

export const tenantInfoRows: Row[] = [
  {
    name: 'tenants.info, warm, by tRPC',
    ceiling: 'empty procedure by tRPC',
    goal: 0.7,
    measure: () => measure('/trpc/tenants.info', '/trpc/empty'),
  },
  {
    name: 'tenants.info, warm, by REST',
    ceiling: 'empty operation by REST',
    goal: 0.5,
    measure: () => measure('/api/v1/tenants/current', '/api/v1/empty'),
  },
]

/** JWT, membership, role check, rate limit and cache on one side; nothing on the other. */
async function measure(subjectPath: string, ceilingPath: string): Promise<Comparison> {
  const dataFolder = await createTemporaryDataFolder()
  const subject = await startServer(api, '/readyz', { DATA_DIR: dataFolder })
  try {
    const ceiling = await startServer(empty, '/api/v1/empty')
    try {
      await liftReadLimit(subject.origin)
      const authorization = `Bearer ${await token(subject.origin, 'admin@acme.test')}`
      return await compare(
        { url: `${subject.origin}${subjectPath}`, headers: { authorization } },
        { url: `${ceiling.origin}${ceilingPath}`, headers: { authorization } },
      )
    } finally {
      await ceiling.stop()
    }
  } finally {
    await subject.stop()
    await rm(dataFolder, { recursive: true, force: true })
  }
}

/** The limit stays in the path and is counted; it is only too high to be met. */
async function liftReadLimit(origin: string): Promise<void> {
  const response = await fetch(`${origin}/api/v1/tenants/current/settings`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${await token(origin, 'operator@tenantry.test')}`,
      'content-type': 'application/json',
      'x-tenant-id': 'acme',
    },
    body: JSON.stringify({ settings: { rateLimits: { requestsPerMinute: 1_000_000 } } }),
  })
  if (!response.ok) throw new Error(`The read limit could not be lifted: ${await response.text()}`)
}

async function token(origin: string, email: string): Promise<string> {
  const response = await fetch(`${origin}/dev/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email }),
  })
  return ((await response.json()) as { token: string }).token
}
