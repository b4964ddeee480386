import { type EntityManager, LockMode } from '@mikro-orm/postgresql'
import { SettingsRevision, TenantSettings } from './entity.ts'

export async function findSettings(em: EntityManager): Promise<TenantSettings | null> {
  return em.findOne(TenantSettings, { tenantId: { $ne: null } })
}

/** Locked until the transaction ends, so that the next writer merges onto what this one wrote. `since` dates version 1. */
export async function getSettingsForUpdate(em: EntityManager, since: Date): Promise<TenantSettings> {
  const locked = () => em.findOne(TenantSettings, { tenantId: { $ne: null } }, { lockMode: LockMode.PESSIMISTIC_WRITE })
  const known = await locked()
  if (known) return known
  await em
    .createQueryBuilder(TenantSettings)
    .insert({ tenantId: tenantOf(em), document: {}, version: 1, updatedAt: since })
    .onConflict()
    .ignore()
    .execute()
  const made = await locked()
  if (!made) throw new Error('The settings row is gone')
  return made
}

/** The row must be locked. Returns the new version. */
export async function saveSettings(
  em: EntityManager,
  current: TenantSettings,
  { document, updatedAt }: Pick<TenantSettings, 'document' | 'updatedAt'>,
): Promise<number> {
  await em.nativeUpdate(
    TenantSettings,
    { tenantId: current.tenantId, version: current.version },
    { document, updatedAt },
  )
  return current.version + 1
}

export async function insertRevision(
  em: EntityManager,
  revision: {
    version: number
    document: Record<string, unknown>
    changedKeys: string[]
    actorType: string
    actorId: string | null
    createdAt: Date
  },
): Promise<void> {
  em.persist(em.create(SettingsRevision, revision))
  await em.flush()
}

function tenantOf(em: EntityManager): string {
  return (em.getFilterParams('tenant') as { tenantId: string }).tenantId
}
