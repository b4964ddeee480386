import type { TenantContext } from '@tenantry/kernel/context/request-context'
import pg from 'pg'
import { expect } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { createDependencies } from '../../dependencies.ts'
import { operator, type TestInstallation } from '../../testing.ts'
import { emitEvent } from './service/emit.ts'

type Stream = Awaited<ReturnType<InternalCaller['events']['watch']>>
export type Watched = Stream extends AsyncIterable<infer Item> ? Item : never

export interface Listening {
  /** The next items, as soon as there are so many. */
  take(count: number): Promise<Watched[]>
  next(): Promise<Watched>
  leave(): Promise<void>
}

/** Opens a stream and takes its first item, so that whatever happens afterwards comes. */
export async function listen(caller: InternalCaller, lastEventId?: string): Promise<Listening> {
  const listening = await resume(caller, lastEventId)
  if (lastEventId === undefined) await listening.next()
  return listening
}

/** Opens a stream and takes nothing. */
export async function resume(caller: InternalCaller, lastEventId?: string): Promise<Listening> {
  const stream = await caller.events.watch(lastEventId === undefined ? {} : { lastEventId })
  const items = stream[Symbol.asyncIterator]()
  const next = async () => {
    const result = await items.next()
    if (result.done) throw new Error('The stream has ended')
    return result.value
  }
  return {
    next,
    take: async (count) => {
      const taken: Watched[] = []
      while (taken.length < count) taken.push(await next())
      return taken
    },
    leave: async () => {
      await items.return?.()
    },
  }
}

/** Emits as an operation does, `before` and `after` in the same transaction; each rings the bell as it would. */
export async function emit(
  { database, dependencies }: TestInstallation,
  tenantId: string,
  version: number,
  after: (em: TenantContext['em']) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const effects: Parameters<TenantContext['afterCommit']>[0][] = []
  await database.tenantUnit({ tenantId, actor: operator, readOnly: false }, async (em) => {
    const { clock, services } = dependencies
    const afterCommit: TenantContext['afterCommit'] = (effect) => void effects.push(effect)
    // What the pipeline would give besides is not used.
    const ctx = { em, clock, services, tenant: { id: tenantId }, afterCommit } as unknown as TenantContext
    await emitEvent(ctx, 'tenant.updated', { changed: ['name'], version })
    await after(em)
  })
  for (const effect of effects) await effect()
}

/** Resolves when a transaction waits for the lock that another one holds. */
export async function lockAwaited(installation: TestInstallation): Promise<void> {
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`
  await expect.poll(() => asAdmin(installation, waiting, []), { timeout: 10_000 }).toBe(1)
}

/** As an administrator of the database, who may do what no role of ours may. Answers the number of rows. */
export async function asAdmin(
  { testDatabase }: TestInstallation,
  sql: string,
  values: unknown[],
): Promise<number | null> {
  const client = new pg.Client(testDatabase.adminUrl)
  await client.connect()
  try {
    return (await client.query(sql, values)).rowCount
  } finally {
    await client.end()
  }
}

/** Another process of the installation, which hears nothing of what happens in the first. */
export function deafProcess({ dependencies }: TestInstallation, heartbeatMilliseconds: number) {
  const { bus, cache, catalogue, apiKeys } = dependencies.services
  const silent = { ...bus, subscribe: () => () => undefined }
  const own = { bus: silent, apiKeyTexts: apiKeys.texts, streams: { heartbeatMilliseconds } }
  return createDependencies({ ...dependencies, cache, catalogue, ...own })
}

export const versionsOf = (items: Watched[]) => items.map(({ data }) => ('version' in data ? data.version : data.type))
