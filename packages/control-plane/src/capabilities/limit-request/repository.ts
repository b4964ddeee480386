import { type EntityManager, LockMode, UniqueConstraintViolationException } from '@mikro-orm/postgresql'
import { overridesOfEach, type StoredOverride } from '../limit/index.ts'
import { limitRequestErrors } from './contract.ts'
import { LimitRequest } from './entity.ts'

export type { LimitRequest } from './entity.ts'

export interface PageOfRequests {
  state: LimitRequest['state'] | undefined
  /** The id that the page begins after. */
  after: string | undefined
  limit: number
}

/** The newest first. */
export async function listRequests(
  em: EntityManager,
  { state, after, limit }: PageOfRequests,
): Promise<LimitRequest[]> {
  const beyond = after === undefined ? {} : { id: { $lt: after } }
  return em.find(LimitRequest, { ...(state && { state }), ...beyond }, { orderBy: { id: 'desc' }, limit })
}

export interface AskingTenant {
  id: string
  slug: string
  name: string
  plan: string
  status: string
}

/** With what is allowed on the meter besides the plan. */
export interface AskedOfAll {
  request: LimitRequest
  tenant: AskingTenant
  overrides: StoredOverride[]
}

/** Of all tenants, or of that one, the newest first. Needs a platform unit of work. */
export async function listAllRequests(
  em: EntityManager,
  page: PageOfRequests & { tenantId: string | undefined },
): Promise<AskedOfAll[]> {
  const { sql, values } = allRequestsQuery(page)
  const rows = await em.execute<(Record<string, unknown> & { asking: AskingTenant; overrides: StoredOverride[] })[]>(
    sql,
    values,
  )
  return rows.map(({ asking, overrides, ...row }) => ({
    request: em.map(LimitRequest, row),
    tenant: asking,
    overrides,
  }))
}

export function allRequestsQuery({ state, after, limit, tenantId }: Parameters<typeof listAllRequests>[1]) {
  const conditions = [
    ...(state === undefined ? [] : [['r.state = ?', state]]),
    ...(tenantId === undefined ? [] : [['r.tenant_id = ?', tenantId]]),
    ...(after === undefined ? [] : [['r.id < ?', after]]),
  ]
  const where = conditions.length === 0 ? '' : `where ${conditions.map(([sql]) => sql).join(' and ')}`
  return {
    sql: /* sql */ `select r.*, json_build_object('id', t.id, 'slug', t.slug, 'name', t.name, 'plan', t.plan, 'status', t.status) as asking,
        ${overridesOfEach('r')}
      from tenantry.limit_requests r join tenantry.tenants t on t.id = r.tenant_id ${where} order by r.id desc limit ?`,
    values: [...conditions.flatMap(([, ...values]) => values), limit],
  }
}

/** Throws `limit_request.already_open`. */
export async function insertRequest(
  em: EntityManager,
  request: Pick<LimitRequest, 'meter' | 'value' | 'reason' | 'requestedByType' | 'requestedById' | 'createdAt'>,
): Promise<LimitRequest> {
  const made = em.create(LimitRequest, request)
  em.persist(made)
  try {
    await em.flush()
  } catch (error) {
    throw error instanceof UniqueConstraintViolationException ? limitRequestErrors.already_open() : error
  }
  return made
}

/** Locked until the transaction ends. */
export const findRequestForUpdate = (em: EntityManager, id: string): Promise<LimitRequest | null> =>
  em.findOne(LimitRequest, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE })

export async function saveDecision(
  em: EntityManager,
  request: LimitRequest,
  decision: Pick<LimitRequest, 'state' | 'decisionReason' | 'decidedAt'>,
): Promise<void> {
  em.assign(request, decision)
  await em.flush()
}
