import type { Actor } from '../context/actor.ts'
import type { AuditEntry } from '../context/dependencies.ts'
import type { RequestContext } from '../context/request-context.ts'

const pipeline: Actor = { type: 'system', name: 'pipeline' }

export interface EntryAlone extends Pick<AuditEntry, 'action' | 'outcome' | 'actor' | 'target' | 'details'> {
  /** Null where no tenant is concerned. */
  tenantId: string | null
  /** Of a tenant that may be gone, and is told of in the platform's log alone. */
  concernsTenantId?: string | null
  /** When it happened; now, unless told. */
  at?: Date
}

/** Audits what has no transaction of its own, in the tenant's log and in the platform's. */
export async function writeEntryAlone(
  ctx: RequestContext,
  { tenantId, concernsTenantId = tenantId, ...told }: EntryAlone,
): Promise<void> {
  const { dependencies, client, requestId } = ctx
  const { database, auditLog, clock } = dependencies
  const entry: AuditEntry = { at: clock.now(), ...told, client, requestId }
  const inPlatform = database.platformUnit({ actor: pipeline, readOnly: false }, (em) =>
    auditLog.appendPlatform(em, [{ ...entry, tenantId: concernsTenantId }]),
  )
  if (tenantId === null) return inPlatform
  // Side by side: one after the other would tell by the time it takes that there is such a tenant.
  const inTenant = database.tenantUnit({ tenantId, actor: pipeline, readOnly: false }, (em) =>
    auditLog.append(em, tenantId, [entry]),
  )
  await Promise.all([inPlatform, inTenant])
}
