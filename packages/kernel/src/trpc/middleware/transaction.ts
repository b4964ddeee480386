import type { EntityManager } from '@mikro-orm/postgresql'
import type { Actor } from '../../context/actor.ts'
import type { AuditRecord } from '../../context/audit-record.ts'
import type { AuditEntry, TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { t } from '../init.ts'
import { recordOperatorUse } from '../operator-use.ts'
import { isOperator } from './authorization.ts'
import { claimKey, type IdempotentCall, storeAnswer } from './idempotency.ts'

type Entered = RequestContext & {
  actor: Actor
  access: TenantAccess | null
  idempotentCall?: IdempotentCall
}

interface Journal {
  entries: AuditEntry[]
  effects: (() => Promise<void> | void)[]
  record(action: string, entry?: AuditRecord): void
  afterCommit(effect: () => Promise<void> | void): void
}

/**
 * Opens the operation's unit of work. tRPC reports a failed resolver as `{ ok: false }` instead of throwing, so the
 * result is thrown on: a bare `transactional(() => next())` would commit it.
 */
export const transaction = <Context extends object>() =>
  t.middleware(async ({ ctx, meta, next, path }) => {
    const entered = ctx as Entered
    const operation = meta?.operation
    if (!operation) throw new Error(`${path} declares no operation`)
    const journal = createJournal(entered)

    const result = await openUnit(entered, operation, async (em) => {
      const { access, idempotentCall } = entered
      if (access && idempotentCall) await claimKey(entered, em, access.tenant.id, idempotentCall)
      const { record, afterCommit } = journal
      // tRPC cannot follow what the pipeline has put into the context before.
      const inner = await next({ ctx: { em, record, afterCommit } as unknown as Context })
      if (!inner.ok) throw inner.error
      if (access && idempotentCall)
        await storeAnswer(entered, em, { tenantId: access.tenant.id, call: idempotentCall, answer: inner.data })
      await writeAudit(entered, em, journal.entries)
      return inner
    })

    for (const effect of journal.effects) {
      try {
        await effect()
      } catch (error) {
        ctx.logger.error({ err: error, operation: path }, 'an effect after commit failed')
      }
    }
    const { actor, access } = entered
    if (actor.type === 'platformAdmin' && operation.type === 'mutation' && journal.entries.length === 0) {
      await recordOperatorUse(ctx, { actor, access, operation, path })
    }
    return result
  })

function openUnit<Result>(
  { dependencies: { database }, actor, access }: Entered,
  { type, unitOfWork, permission, operatorSpansTenants }: AnyOperation,
  work: (em: EntityManager) => Promise<Result>,
): Promise<Result> {
  const readOnly = type === 'query'
  if (unitOfWork === 'tenant' && access) {
    const asOperator = permission === 'platform' || actor.type === 'platformAdmin'
    return database.tenantUnit({ tenantId: access.tenant.id, actor, readOnly, asOperator }, work)
  }
  if (unitOfWork === 'platform' || (operatorSpansTenants && isOperator(actor))) {
    return database.platformUnit({ actor, readOnly }, work)
  }
  if (unitOfWork === 'user' && 'id' in actor) return database.userUnit({ userId: actor.id, readOnly }, work)
  throw new Error(`No unit of work fits: ${unitOfWork} for ${actor.type}`)
}

function createJournal({ actor, client, requestId, dependencies }: Entered): Journal {
  const entries: AuditEntry[] = []
  const effects: Journal['effects'] = []
  return {
    entries,
    effects,
    record: (action, entry = {}) => {
      entries.push({ ...entry, action, outcome: 'success', actor, client, requestId, at: dependencies.clock.now() })
    },
    afterCommit: (effect) => {
      effects.push(effect)
    },
  }
}

/** In the transaction of what it tells of. What an operator does to a tenant stands in both logs. */
async function writeAudit(
  { dependencies, access, actor }: Entered,
  em: EntityManager,
  entries: AuditEntry[],
): Promise<void> {
  if (entries.length === 0) return
  const tenantId = access?.tenant.id ?? null
  if (tenantId !== null) await dependencies.auditLog.append(em, tenantId, entries)
  if (actor.type === 'platformAdmin' || tenantId === null) {
    await dependencies.auditLog.appendPlatform(
      em,
      entries.map((entry) => ({ ...entry, tenantId })),
    )
  }
}
