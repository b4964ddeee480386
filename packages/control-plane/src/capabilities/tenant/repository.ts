import { type EntityManager, UniqueConstraintViolationException } from '@mikro-orm/postgresql'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { memberSource } from '../member/index.ts'
import { tenantErrors } from './contract.ts'
import { Tenant } from './entity.ts'

/** What is told of a tenant, and of its direct members their number. */
export const tenantInfo = tenantQuery<
  Pick<Tenant, 'id' | 'name' | 'slug' | 'status' | 'plan'> & { createdAt: string; memberCount: number }
>(
  { tenant: Tenant, ...memberSource },
  /* sql */ `select id, name, slug, status, plan, created_at as "createdAt", (select count(*)::int from membership) as "memberCount"
    from tenant`,
)

/** The tenant of the unit of work. */
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
    throw error.message.includes('external_id') ? tenantErrors.external_id_taken() : tenantErrors.slug_taken()
  }
}

export async function findTenantBySlug(em: EntityManager, slug: string): Promise<Tenant | null> {
  return em.findOne(Tenant, { slug })
}

export type NewTenant = Pick<Tenant, 'slug' | 'name' | 'contactEmail' | 'plan' | 'createdAt'> &
  Partial<Pick<Tenant, 'status' | 'statusReason' | 'timezone' | 'organizationType' | 'websiteUrl'>> & {
    parent?: Tenant | null
  }

/** Needs a platform unit of work. */
export async function insertTenant(em: EntityManager, { parent = null, ...fields }: NewTenant): Promise<Tenant> {
  const tenant = em.create(Tenant, {
    ...fields,
    parent,
    path: parent ? [...parent.path, parent.id] : [],
    updatedAt: fields.createdAt,
  })
  em.persist(tenant)
  await saveTenant(em)
  return tenant
}

/** The plans that tenants have. Needs a platform unit of work. */
export async function listPlansInUse(em: EntityManager): Promise<string[]> {
  const rows = await em.execute<{ plan: string }[]>('select distinct plan from tenantry.tenants order by plan')
  return rows.map(({ plan }) => plan)
}
