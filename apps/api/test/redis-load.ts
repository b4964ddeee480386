import { setTimeout as delay } from 'node:timers/promises'
import type { Reply } from './http.ts'
import type { ProductionProcess } from './production-process.ts'

export interface RedisLoad {
  /** What went otherwise than it should, in words; each call counts. */
  faults: string[]
  calls: number
  tracked: number
  longestMilliseconds: number
  stop(): Promise<void>
}

interface Change {
  number: number
  answeredAt: number
}

/** What a change needs to reach every process, by the law. */
const reachesMilliseconds = 1_000
const pauseMilliseconds = 30

/**
 * Renames a tenant at the first process again and again, reads it and tracks usage at all of them, and says where an
 * answer is too old.
 */
export function startRedisLoad(
  processes: [ProductionProcess, ...ProductionProcess[]],
  tenantId: string,
  headers: Record<string, string>,
): RedisLoad {
  const [first] = processes
  const load: RedisLoad = { faults: [], calls: 0, tracked: 0, longestMilliseconds: 0, stop }
  const changes: Change[] = []
  let stopped = false

  async function call(name: string, work: () => Promise<Reply>): Promise<Reply | null> {
    const startedAt = performance.now()
    const reply = await work().catch((error: Error) => error)
    load.calls += 1
    load.longestMilliseconds = Math.max(load.longestMilliseconds, performance.now() - startedAt)
    await delay(pauseMilliseconds)
    if (!(reply instanceof Error) && reply.status < 300) return reply
    load.faults.push(`${name}: ${reply instanceof Error ? reply.message : `${reply.status} ${reply.text}`}`)
    return null
  }

  async function rename(turn: number): Promise<void> {
    const change = { method: 'PATCH', json: { name: `Number ${turn}` }, headers }
    const reply = await call('rename', () => first.send(`/api/v1/tenants/${tenantId}`, change))
    if (reply) changes.push({ number: turn, answeredAt: performance.now() })
  }

  const read = (api: ProductionProcess, name: string) => async () => {
    const startedAt = performance.now()
    const reply = await call(name, () => api.send('/api/v1/tenants/current', { headers }))
    const due = changes.findLast(({ answeredAt }) => answeredAt + reachesMilliseconds < startedAt)
    const seen = Number(/\d+$/.exec(reply?.json.name ?? '')?.[0] ?? 0)
    if (reply && due && seen < due.number) {
      const late = Math.round(startedAt - due.answeredAt)
      load.faults.push(`${name} shows ${seen} where ${due.number} was answered ${late} ms before`)
    }
  }

  const track = (api: ProductionProcess, name: string) => async () => {
    const reply = await call(name, () =>
      api.send('/api/v1/tenants/current/usage', { json: { metric: 'tokens' }, headers }),
    )
    if (reply) load.tracked += 1
  }

  const repeat = async (work: (turn: number) => Promise<void>) => {
    for (let turn = 1; !stopped; turn += 1) await work(turn)
  }
  const loops = [
    repeat(rename),
    ...processes.flatMap((api, index) => [
      repeat(read(api, `process ${index}`)),
      repeat(read(api, `process ${index} again`)),
      repeat(track(api, `usage at ${index}`)),
    ]),
  ]
  async function stop(): Promise<void> {
    stopped = true
    await Promise.all(loops)
  }
  return load
}
