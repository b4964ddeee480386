import type { EntityManager } from '@mikro-orm/postgresql'
import type { Actor } from '../context/actor.ts'
import type { AuditRecord } from '../context/audit-record.ts'
import type { AuditEntry } from '../context/dependencies.ts'
import type { InTenant, RequestContext, ServiceContext } from '../context/request-context.ts'

/** On whose behalf a unit of work runs, and what its audit entries say of that. */
export type UnitCaller = Pick<RequestContext, 'dependencies' | 'client' | 'requestId' | 'logger'> & {
  actor: Actor
  /** Path of the procedure. */
  operation: string
}

/** What a unit of work may touch. */
export type UnitTarget = { readOnly: boolean } & (
  | { kind: 'tenant'; tenantId: string; asOperator: boolean }
  /** Sees all tenants, and may write what belongs to `tenantId`. */
  | { kind: 'platform'; tenantId: string | null }
  | { kind: 'user'; userId: string }
)

export interface OpenUnit extends Pick<ServiceContext, 'em' | 'record' | 'afterCommit'> {
  /** Works in another tenant inside the same transaction; what is recorded meanwhile stands in that tenant's log. */
  inTenant: InTenant
}

/**
 * One transaction, with the audit entries of what it did inside it. Its effects follow the commit: one that fails costs
 * neither the result nor the effects after it.
 */
export async function runUnit<Result>(
  caller: UnitCaller,
  target: UnitTarget,
  work: (unit: OpenUnit) => Promise<Result>,
): Promise<Result> {
  const entries: AuditEntry[] = []
  const effects: (() => Promise<void> | void)[] = []
  const result = await openTransaction(caller, target, async (em) => {
    const afterCommit: OpenUnit['afterCommit'] = (effect) => void effects.push(effect)
    const done = await work({
      em,
      record: (action, entry = {}) => void entries.push(entryOf(caller, action, entry)),
      afterCommit,
      inTenant: inTenantOf(caller, target, { em, afterCommit }),
    })
    await writeAudit(caller, target, { em, entries })
    return done
  })
  for (const effect of effects) {
    try {
      await effect()
    } catch (error) {
      caller.logger.error({ err: error, operation: caller.operation }, 'an effect after commit failed')
    }
  }
  return result
}

function inTenantOf(
  caller: UnitCaller,
  target: UnitTarget,
  { em, afterCommit }: Pick<OpenUnit, 'em' | 'afterCommit'>,
): InTenant {
  return (tenantId, work) => {
    const spansTenants = target.kind === 'platform'
    if (target.kind === 'user' || (spansTenants && target.tenantId !== null))
      throw new Error('Only tenant and platform units of work go on in a tenant')
    return caller.dependencies.database.inTenant(em, { tenantId, actor: caller.actor, spansTenants }, async () => {
      const entries: AuditEntry[] = []
      const record: OpenUnit['record'] = (action, entry = {}) => void entries.push(entryOf(caller, action, entry))
      const done = await work({ em, record, afterCommit })
      await writeAudit(caller, { ...target, tenantId }, { em, entries })
      return done
    })
  }
}

function openTransaction<Result>(
  { dependencies: { database }, actor }: UnitCaller,
  target: UnitTarget,
  work: (em: EntityManager) => Promise<Result>,
): Promise<Result> {
  switch (target.kind) {
    case 'tenant':
      return database.tenantUnit({ ...target, actor }, work)
    case 'platform':
      return database.platformUnit({ ...target, actor }, work)
    case 'user':
      return database.userUnit(target, work)
  }
}

const entryOf = (
  { actor, client, requestId, dependencies }: UnitCaller,
  action: string,
  entry: AuditRecord,
): AuditEntry => ({ ...entry, action, outcome: 'success', actor, client, requestId, at: dependencies.clock.now() })

/** What an operator, or the platform on somebody's behalf, does to a tenant stands in both logs. */
async function writeAudit(
  { dependencies: { auditLog }, actor }: UnitCaller,
  target: UnitTarget,
  { em, entries }: { em: EntityManager; entries: AuditEntry[] },
): Promise<void> {
  if (entries.length === 0) return
  const tenantId = target.kind === 'user' ? null : target.tenantId
  if (tenantId !== null) await auditLog.append(em, tenantId, entries)
  const inPlatform = target.kind === 'tenant' ? target.asOperator || actor.type === 'platformAdmin' : true
  if (inPlatform) {
    await auditLog.appendPlatform(
      em,
      entries.map((entry) => ({ ...entry, tenantId })),
    )
  }
}
