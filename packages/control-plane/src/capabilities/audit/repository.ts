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
    em.persist(em.create(PlatformAuditEntry, { concernsTenantId: entry.tenantId, ...withoutPeople(toColumns(entry)) }))
  await em.flush()
}

/** This log outlives the tenants: of their people it keeps ids. */
function withoutPeople<Columns extends ReturnType<typeof toColumns>>(columns: Columns): Columns {
  const { actorType, actorEmail, changes, details } = columns
  const isOperator = actorType === 'platformAdmin'
  return { ...columns, actorEmail: isOperator ? actorEmail : null, changes: masked(changes), details: masked(details) }
}

const address = /[^\s@]{1,64}@[^\s@]{1,255}/g

function masked<Value>(value: Value): Value {
  const mask = (_: string, part: unknown) => (typeof part === 'string' ? part.replaceAll(address, '[address]') : part)
  return value && JSON.parse(JSON.stringify(value, mask))
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
