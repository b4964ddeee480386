import type { EntityManager } from '@mikro-orm/postgresql'
import type { Change } from '@tenantry/kernel/context/audit-record'
import type { AuditEntry as Entry } from '@tenantry/kernel/context/dependencies'
import { AuditEntry, PlatformAuditEntry } from './entity.ts'

type PlatformEntry = Entry & { tenantId: string | null }

export async function insertEntries(em: EntityManager, tenantId: string, entries: Entry[]): Promise<void> {
  for (const entry of entries) em.persist(em.create(AuditEntry, { tenantId, ...toColumns(entry) }))
  await em.flush()
}

export async function insertPlatformEntries(em: EntityManager, entries: PlatformEntry[]): Promise<void> {
  for (const entry of entries) {
    const kept = asKeptForEver({ entry, columns: toColumns(entry) })
    em.persist(em.create(PlatformAuditEntry, { concernsTenantId: entry.tenantId, ...kept }))
  }
  await em.flush()
}

/**
 * This log outlives the tenants: of their people it keeps ids, and of what they do themselves only that they did. Where
 * an attempt came from it keeps of operators, and of whoever is known by nothing else and aimed at no tenant.
 */
function asKeptForEver({ entry, columns }: { entry: PlatformEntry; columns: ReturnType<typeof toColumns> }) {
  const { actor, tenantId } = entry
  const isAdmin = actor.type === 'platformAdmin'
  const isPlatform = isAdmin || actor.type === 'system'
  const isNobody = actor.type === 'anonymous' && tenantId === null
  const { reason: _, ...ownDetails } = columns.details ?? {}
  const details = isPlatform || columns.details === null ? columns.details : ownDetails
  return {
    ...columns,
    actorEmail: isAdmin ? columns.actorEmail : null,
    targetId: masked(columns.targetId),
    changes: isPlatform && columns.changes ? withoutNames(columns.changes) : null,
    details: masked(details),
    ...(isAdmin || isNobody ? {} : { clientAddress: null, userAgent: null }),
  }
}

/** Texts that say nothing about whose tenant it is. */
const telling = ['status', 'state', 'plan', 'parentId', 'role']
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const leftOut = '[left out]'

function withoutNames(changes: Record<string, Change>): Record<string, Change> {
  const kept = (field: string, value: unknown) =>
    value === null ||
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    telling.includes(field) ||
    instant.test(String(value))
      ? value
      : leftOut
  return Object.fromEntries(
    Object.entries(changes).map(([field, { before, after }]) => [
      field,
      { before: kept(field, before), after: kept(field, after) },
    ]),
  )
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
