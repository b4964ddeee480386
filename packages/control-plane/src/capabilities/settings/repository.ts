import { type EntityManager, LockMode } from '@mikro-orm/postgresql'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { SettingsInheritance, TenantSettings } from './entity.ts'
import type { InheritedSettings } from './rules/inheritance.ts'
import type { StoredSettings } from './rules/schema.ts'

/** What the tenant stored, and what each tenant above it sets, the root first. */
export const storedSettings = tenantQuery<{ document: StoredSettings | null; inherited: InheritedSettings[] }>(
  { settings: TenantSettings },
  /* sql */ `select (select document from settings) as document,
      (select coalesce(jsonb_agg(jsonb_build_object('tenantId', tenant_id, 'defaults', defaults, 'locks', locks)), '[]')
         from hierarchy.inherited_settings()) as inherited`,
)

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

export interface Revision {
  document: Record<string, unknown>
  changedKeys: string[]
  actorType: string
  actorId: string | null
  createdAt: Date
}

/** The row must be locked. Keeps the revision with it, in one statement, and returns the new version. */
export async function saveSettings(em: EntityManager, current: TenantSettings, revision: Revision): Promise<number> {
  const document = JSON.stringify(revision.document)
  const rows = await em.execute<{ version: number }[]>(
    /* sql */ `with saved as (
        update tenantry.tenant_settings set document = ?::jsonb, updated_at = ?, version = version + 1
         where tenant_id = (select tenancy.current_tenant()) and version = ?
        returning tenant_id, version, document)
      insert into tenantry.settings_revisions
        (tenant_id, version, document, changed_keys, actor_type, actor_id, created_at)
      select tenant_id, version, document, array(select jsonb_array_elements_text(?::jsonb)), ?, ?, ? from saved
      returning version`,
    [
      document,
      revision.createdAt,
      current.version,
      JSON.stringify(revision.changedKeys),
      revision.actorType,
      revision.actorId,
      revision.createdAt,
    ],
  )
  const [row] = rows
  if (!row) throw new Error('The settings row is gone')
  return row.version
}

/** What each tenant above the one of the unit of work sets, the root first. */
export async function listInheritedSettings(em: EntityManager): Promise<InheritedSettings[]> {
  return em.execute<InheritedSettings[]>(
    'select tenant_id as "tenantId", defaults, locks from hierarchy.inherited_settings()',
  )
}

export async function findInheritance(em: EntityManager): Promise<SettingsInheritance | null> {
  return em.findOne(SettingsInheritance, { tenantId: { $ne: null } })
}

/** The tenant must be locked. `known` is what `findInheritance` answered. */
export async function saveInheritance(
  em: EntityManager,
  known: SettingsInheritance | null,
  next: Pick<SettingsInheritance, 'defaults' | 'locks' | 'version' | 'updatedAt'>,
): Promise<void> {
  const { version, ...fields } = next
  if (known) {
    em.assign(known, fields)
    return em.flush()
  }
  await em
    .createQueryBuilder(SettingsInheritance)
    .insert({ tenantId: tenantOf(em), version, ...fields })
    .execute()
}

/** Ids of all tenants below the one of the unit of work. */
export async function listDescendants(em: EntityManager): Promise<string[]> {
  const rows = await em.execute<{ id: string }[]>('select directory.descendants() as id')
  return rows.map(({ id }) => id)
}

function tenantOf(em: EntityManager): string {
  return (em.getFilterParams('tenant') as { tenantId: string }).tenantId
}
