import { type EntityManager, UniqueConstraintViolationException } from '@mikro-orm/postgresql'
import { AppError } from '@tenantry/kernel/errors/app-error'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import type { BaseRole } from '../access/index.ts'
import { memberSource } from '../member/index.ts'
import { maximumLevels, tenantErrors } from './contract.ts'
import { ScheduledPlanChange, Tenant } from './entity.ts'

/** What is told of a tenant, and of its direct members their number. */
export const tenantInfo = tenantQuery<
  Pick<Tenant, 'id' | 'name' | 'slug' | 'status'> & { createdAt: string; memberCount: number }
>(
  { tenant: Tenant, ...memberSource },
  /* sql */ `select id, name, slug, status, created_at as "createdAt", (select count(*)::int from membership) as "memberCount"
    from tenant`,
)

/** The tenant of the unit of work. */
/** For queries of others that tell what a tenant is called. */
export const namedTenantSource = { tenant: { entity: Tenant, columns: ['slug', 'external_id'] } }

export async function getOwnTenant(em: EntityManager): Promise<Tenant> {
  return em.findOneOrFail(Tenant, { id: { $ne: null } })
}

/**
 * Locked until the transaction ends: whoever changes the tenant next sees what this one wrote. The ORM's lock, `for
 * update`, would also wait for the key-share lock that every insert of the tenant takes, and so starve under load.
 */
export async function getOwnTenantForUpdate(em: EntityManager): Promise<Tenant> {
  const [row] = await em.execute<Record<string, unknown>[]>(
    'select * from tenantry.tenants where id = (select tenancy.current_tenant()) for no key update',
  )
  if (!row) throw new Error('The tenant is gone')
  return em.map(Tenant, row)
}

export async function countChildren(em: EntityManager): Promise<number> {
  const rows = await em.execute<{ count: string }[]>('select directory.child_count() as count')
  return Number(rows[0]?.count ?? 0)
}

/** Throws `tenant.external_id_taken` or `tenant.slug_taken`: only the database sees every tenant. */
export async function saveTenant(em: EntityManager): Promise<void> {
  try {
    await em.flush()
  } catch (error) {
    if (!(error instanceof UniqueConstraintViolationException)) throw error
    // The message has the statement in it, which may name every column.
    const { constraint } = error as { constraint?: string }
    throw constraint === 'tenants_external_id_unique' ? tenantErrors.external_id_taken() : tenantErrors.slug_taken()
  }
}

export async function findTenantBySlug(em: EntityManager, slug: string): Promise<Tenant | null> {
  return em.findOne(Tenant, { slug })
}

/** Needs a platform unit of work, as do the next. */
export async function findTenantById(em: EntityManager, id: string): Promise<Tenant | null> {
  return em.findOne(Tenant, { id })
}

const isId = (text: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)

/** By id, slug or externalId, in this order; what was purged is nobody. */
export async function findTenantByReference(em: EntityManager, reference: string): Promise<Tenant | null> {
  const named = [{ slug: reference }, { externalId: reference }, ...(isId(reference) ? [{ id: reference }] : [])]
  const found = await em.find(Tenant, { status: { $ne: 'purged' }, $or: named })
  const bySlug = found.find(({ slug }) => slug === reference)
  return found.find(({ id }) => id === reference.toLowerCase()) ?? bySlug ?? found[0] ?? null
}

/** The first that no tenant has for a slug or an externalId; who looks for the same one at the same time waits. */
export async function findFreeSlug(em: EntityManager, candidates: readonly string[]): Promise<string | null> {
  await em.execute(`select pg_advisory_xact_lock(hashtextextended('tenant slug ' || ?, 0))`, [candidates[0]])
  const rows = await em.execute<{ candidate: string }[]>(
    /* sql */ `select candidate from unnest(array(select jsonb_array_elements_text(?::jsonb))) with ordinality as c (candidate, place)
      where not exists (select from tenantry.tenants t where t.slug = candidate or t.external_id = candidate)
      order by place limit 1`,
    [JSON.stringify(candidates)],
  )
  return rows[0]?.candidate ?? null
}

const mostTurns = 5

/** Runs a work that derives a slug again, in a new transaction, where somebody took that one by name meanwhile. */
export async function againWhileTaken<Result>(work: () => Promise<Result>, turn = 1): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const isTaken = error instanceof AppError && error.code === tenantErrors.slug_taken.code
    if (!isTaken || turn === mostTurns) throw error
    return againWhileTaken(work, turn + 1)
  }
}

export type NewTenant = Pick<Tenant, 'slug' | 'name' | 'contactEmail' | 'plan' | 'createdAt'> &
  Partial<
    Pick<
      Tenant,
      'id' | 'status' | 'statusReason' | 'timezone' | 'organizationType' | 'websiteUrl' | 'externalId' | 'tags'
    >
  > & {
    parent?: Tenant | null
  }

/** Throws `tenant.hierarchy_too_deep`, and what `saveTenant` throws. */
export async function insertTenant(em: EntityManager, { parent = null, ...fields }: NewTenant): Promise<Tenant> {
  const tenant = em.create(Tenant, {
    ...fields,
    parent,
    path: parent ? await pathBelow(em, parent) : [],
    updatedAt: fields.createdAt,
  })
  em.persist(tenant)
  await saveTenant(em)
  return tenant
}

/** Nobody makes, moves, restores or deletes a tenant with others above or below it until the transaction ends. */
export async function lockHierarchy(em: EntityManager): Promise<void> {
  await em.execute(`select pg_advisory_xact_lock(hashtextextended('tenant hierarchy', 0))`)
}

/** Where tenants may come to stand below it, which neither it nor one above keeps from acting until the transaction ends. */
export async function findParent(em: EntityManager, id: string): Promise<Tenant | null> {
  await shareHierarchy(em)
  const parent = await em.findOne(Tenant, { id, status: 'active' })
  if (!parent) return null
  const inactive = await em.count(Tenant, { id: { $in: parent.path }, status: { $ne: 'active' } })
  return inactive === 0 ? parent : null
}

async function shareHierarchy(em: EntityManager): Promise<void> {
  await em.execute(`select pg_advisory_xact_lock_shared(hashtextextended('tenant hierarchy', 0))`)
}

/** The parent is not moved until the transaction ends. */
async function pathBelow(em: EntityManager, parent: Tenant): Promise<string[]> {
  await shareHierarchy(em)
  await em.refresh(parent)
  const path = [...parent.path, parent.id]
  if (path.length >= maximumLevels) throw tenantErrors.hierarchy_too_deep()
  return path
}

export interface TenantFilter {
  status?: string | undefined
  plan?: string | undefined
  parentId?: string | undefined
  tag?: string | undefined
  /** What name, slug, contactEmail or externalId begins with. */
  q?: string | undefined
}

export interface PageOfTenants {
  filter: TenantFilter
  /** The id that the page begins after. */
  after: string | null
  limit: number
}

export interface ListedTenant
  extends Pick<Tenant, 'id' | 'slug' | 'name' | 'status' | 'plan' | 'contactEmail' | 'tags'> {
  externalId: string | null
  parentId: string | null
  createdAt: Date
  /** Null for callers that are no members. */
  role: BaseRole | null
  inheritedFrom: string | null
}

/** The tenants that the signed user reaches, the newest first. */
export async function listReachedTenants(
  em: EntityManager,
  { filter: { status, plan, parentId, tag, q }, after, limit }: PageOfTenants,
): Promise<ListedTenant[]> {
  const rows = await em.execute<ListedTenant[]>(
    /* sql */ `select tenant_id as id, slug, name, status, plan, external_id as "externalId", contact_email as "contactEmail",
        tags, parent_id as "parentId", created_at as "createdAt", role, inherited_from as "inheritedFrom"
      from directory.list_tenants(?, ?, ?, ?, ?, ?, lower(?))`,
    [after, limit, status ?? null, plan ?? null, parentId ?? null, tag ?? null, q ?? null],
  )
  return rows.map(listed)
}

/** The newest first. Needs a platform unit of work. */
export async function listTenants(em: EntityManager, page: PageOfTenants): Promise<ListedTenant[]> {
  const { sql, values } = allTenantsQuery(page)
  return (await em.execute<ListedTenant[]>(sql, values)).map(listed)
}

export function allTenantsQuery({ filter, after, limit }: PageOfTenants): { sql: string; values: unknown[] } {
  const conditions = [["status <> 'purged'"], ...conditionsOf(filter), ...(after === null ? [] : [['id < ?', after]])]
  return {
    sql: /* sql */ `select id, slug, name, status, plan, external_id as "externalId", contact_email as "contactEmail", tags,
        parent_id as "parentId", created_at as "createdAt", null as role, null as "inheritedFrom"
      from tenantry.tenants where ${conditions.map(([sql]) => sql).join(' and ')} order by id desc limit ?`,
    values: [...conditions.flatMap(([, ...values]) => values), limit],
  }
}

/** Each with its values. Only what is leakproof, as `^@` is and `like` is not, reaches an index through the policies. */
function conditionsOf({ status, plan, parentId, tag, q }: TenantFilter): string[][] {
  const keys = ['name_key', 'slug_key', 'contact_email_key', 'external_id_key']
  return [
    ...(status === undefined ? [] : [['status = ?', status]]),
    ...(plan === undefined ? [] : [['plan = ?', plan]]),
    ...(parentId === undefined ? [] : [['parent_id = ?', parentId]]),
    ...(tag === undefined ? [] : [['? = any (tags)', tag]]),
    ...(q === undefined ? [] : [[`(${keys.map((key) => `${key} ^@ lower(?)`).join(' or ')})`, ...keys.map(() => q)]]),
  ]
}

const listed = (row: ListedTenant): ListedTenant => ({ ...row, createdAt: new Date(row.createdAt) })

/** Of the tenant of the unit of work. */
export const findScheduledChange = (em: EntityManager): Promise<ScheduledPlanChange | null> =>
  em.findOne(ScheduledPlanChange, { tenantId: { $ne: null } }, { disableIdentityMap: true })

/** In place of one that is there. Needs a unit of work on the operators' connection, as do the next. */
export async function saveScheduledChange(
  em: EntityManager,
  change: Omit<ScheduledPlanChange, 'tenantId'>,
): Promise<void> {
  await removeScheduledChange(em)
  em.persist(em.create(ScheduledPlanChange, change))
  await em.flush()
}

export async function removeScheduledChange(em: EntityManager): Promise<boolean> {
  return (await em.nativeDelete(ScheduledPlanChange, { tenantId: { $ne: null } })) > 0
}

/** The tenants whose plan was to change by now. Needs a platform unit of work. */
export async function listDueChanges(em: EntityManager, now: Date): Promise<string[]> {
  const due = await em.find(ScheduledPlanChange, { effectiveAt: { $lte: now } }, { orderBy: { effectiveAt: 'asc' } })
  return due.map(({ tenantId }) => tenantId)
}

/** The plans that tenants have, or are to have. Needs a platform unit of work. */
export async function listPlansInUse(em: EntityManager): Promise<string[]> {
  const rows = await em.execute<{ plan: string }[]>(
    'select plan from tenantry.tenants union select plan from tenantry.scheduled_plan_changes order by plan',
  )
  return rows.map(({ plan }) => plan)
}

/** How many tenants have each of these plans, or are to have it; none has no entry. Needs a platform unit of work. */
export async function countTenantsByPlan(em: EntityManager, plans: readonly string[]): Promise<Map<string, number>> {
  const rows = await em.execute<{ plan: string; tenants: string }[]>(
    /* sql */ `select plan, count(distinct id) as tenants from (
        select plan, id from tenantry.tenants where status <> 'purged'
        union all select plan, tenant_id from tenantry.scheduled_plan_changes) held
      where plan in (select jsonb_array_elements_text(?::jsonb)) group by plan`,
    [JSON.stringify(plans)],
  )
  return new Map(rows.map(({ plan, tenants }) => [plan, Number(tenants)]))
}
