import type { EntityManager } from '@mikro-orm/postgresql'
import type { AuditEntry as Entry } from '@tenantry/kernel/context/dependencies'
import { AuditEntry, PlatformAuditEntry } from './entity.ts'

export async function insertEntries(em: EntityManager, tenantId: string, entries: Entry[]): Promise<void> {
  for (const entry of entries) em.persist(em.create(AuditEntry, { tenantId, ...toColumns(entry) }))
  await em.flush()
}

export async function insertPlatformEntries(
  em: EntityManager,
  entries: (Entry & { tenantId: string | null })[],
): Promise<void> {
  for (const entry of entries)
    em.persist(em.create(PlatformAuditEntry, { concernsTenantId: entry.tenantId, ...toColumns(entry) }))
  await em.flush()
}

function toColumns({ actor, client, target, changes, details, at, action, outcome, requestId }: Entry) {
  const known = 'email' in actor ? actor.email : null
  return {
    at,
    action,
    outcome,
    requestId: requestId.slice(0, 100),
    actorType: actor.type,
    actorId: 'id' in actor ? actor.id : 'name' in actor ? actor.name : null,
    actorEmail: known,
    targetType: target?.type ?? null,
    targetId: target?.id ?? null,
    changes: changes ?? null,
    details: details ?? null,
    clientAddress: client.address,
    userAgent: client.userAgent?.slice(0, 500) ?? null,
  }
}
