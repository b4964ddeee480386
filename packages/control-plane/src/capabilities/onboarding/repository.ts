import type { EntityManager } from '@mikro-orm/postgresql'
import type { IdempotentCall } from '@tenantry/kernel/context/request-context'
import { Onboarding, retentionHours } from './entity.ts'

export type { Onboarding } from './entity.ts'

/** The one that a key stands for at that time. Needs a platform unit of work, as do the next two. */
export async function findOnboarding(
  em: EntityManager,
  { principal, key }: IdempotentCall,
  now: Date,
): Promise<Onboarding | null> {
  const kept = { $or: [{ finishedAt: null }, { finishedAt: { $gte: hoursBefore(now) } }] }
  return em.findOne(Onboarding, { principal, key, ...kept }, { orderBy: { startedAt: 'desc' } })
}

const hoursBefore = (now: Date) => new Date(now.getTime() - retentionHours * 3_600_000)

export type NewOnboarding = Omit<Onboarding, 'doneSteps' | 'response' | 'finishedAt'>

export async function insertOnboarding(em: EntityManager, onboarding: NewOnboarding): Promise<Onboarding> {
  const made = em.create(Onboarding, onboarding as Onboarding)
  await em.persist(made).flush()
  return made
}

/** Those that began before, are not done and not deleted; in any order, so that none that fails again and again holds up the others. */
export async function listUnfinished(em: EntityManager, startedBefore: Date, limit: number): Promise<Onboarding[]> {
  const rows = await em.execute<Record<string, unknown>[]>(
    /* sql */ `select o.* from tenantry.onboardings o join tenantry.tenants t on t.id = o.tenant_id
      where o.finished_at is null and o.started_at < ? and t.status = 'provisioning' order by random() limit ?`,
    [startedBefore, limit],
  )
  return rows.map((row) => em.map(Onboarding, row))
}

/** Of the tenant of the unit of work; locked until it ends. */
export async function getOnboardingForUpdate(em: EntityManager): Promise<Onboarding> {
  const [row] = await em.execute<Record<string, unknown>[]>(
    'select * from tenantry.onboardings where tenant_id = (select tenancy.current_tenant()) for no key update',
  )
  if (!row) throw new Error('The onboarding is gone')
  return em.map(Onboarding, row)
}
