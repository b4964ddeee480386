import type { EntityManager } from '@mikro-orm/postgresql'
import { Run, RunTotals } from '../../metering/index.ts'

export type { Run, RunTotals } from '../../metering/index.ts'

type State = Run['state']

const isGone = (now: Date) => ({ state: 'running' as const, expiresAt: { $lte: now } })
const isLive = (now: Date) => ({ state: 'running' as const, expiresAt: { $gt: now } })

/** What is running although its lease has ended is lost. */
function inState(state: State, now: Date) {
  if (state === 'running') return isLive(now)
  return state === 'lost' ? { $or: [{ state }, isGone(now)] } : { state }
}

/** The newest first: ids are sorted by the time of their making. */
export async function listRunsBefore(
  em: EntityManager,
  wanted: {
    state: State | undefined
    workload: string | undefined
    before: string | undefined
    limit: number
    now: Date
  },
): Promise<Run[]> {
  const { state, workload, before, limit, now } = wanted
  const where = {
    ...(state === undefined ? {} : inState(state, now)),
    ...(workload === undefined ? {} : { workload }),
    ...(before === undefined ? {} : { id: { $lt: before } }),
  }
  return em.find(Run, where, { orderBy: { id: 'desc' }, limit, disableIdentityMap: true })
}

export const findRun = (em: EntityManager, id: string): Promise<Run | null> =>
  em.findOne(Run, { id }, { disableIdentityMap: true })

/** `gone` are those that are lost and not written down as lost. */
export async function readTotals(em: EntityManager, now: Date) {
  const totals = await em.findOne(RunTotals, {}, { disableIdentityMap: true })
  const [running, gone] = [await em.count(Run, isLive(now)), await em.count(Run, isGone(now))]
  return { totals, running, gone }
}

/** Tenants with runs that are lost and not written down as lost; those whose leases ended first, and as many at the most. */
export async function listTenantsWithGone(em: EntityManager, now: Date, limit: number): Promise<string[]> {
  const gone = await em.find(Run, isGone(now), { orderBy: { expiresAt: 'asc' }, limit, fields: ['tenantId'] })
  return [...new Set(gone.map(({ tenantId }) => tenantId))]
}
