import type { EntityManager } from '@mikro-orm/postgresql'
import type { UserMembership, UserRow } from './users.ts'

export interface ConcernedTenant {
  id: string
  /** Of a direct member. */
  role: UserMembership['role'] | null
}

/** By the addresses, in small letters, that are nobody else's too. */
export type Person = Pick<UserRow, 'id'> & { addresses: readonly string[] }

const among = '(select jsonb_array_elements_text(?::jsonb))'

/** Where anything of the person is kept, in the order in which tenants are locked. */
export async function listConcernedTenants(em: EntityManager, { id, addresses }: Person): Promise<ConcernedTenant[]> {
  const known = JSON.stringify(addresses)
  return em.execute<ConcernedTenant[]>(
    /* sql */ `with concerned as (
        select tenant_id from tenantry.memberships where user_id = ?
        union select tenant_id from tenantry.audit_entries where actor_id = ?
        union select tenant_id from tenantry.invitations where email in ${among} or accepted_by = ? or invited_by_id = ?
        union select tenant_id from tenantry.pending_owners where email in ${among}
        union select tenant_id from tenantry.mails where recipient in ${among}
        union select tenant_id from tenantry.api_keys where created_by_id = ?)
      select c.tenant_id as id, m.role from concerned c
        left join tenantry.memberships m on m.tenant_id = c.tenant_id and m.user_id = ?
       order by c.tenant_id::text`,
    [id, id, known, id, id, known, known, id, id],
  )
}

/** Slugs of those among the tenants that nobody else owns who can sign in; what can no longer be restored needs no owner. */
export async function listLeftWithoutOwner(
  em: EntityManager,
  { id, addresses }: Person,
  tenantIds: readonly string[],
): Promise<string[]> {
  const rows = await em.execute<{ slug: string }[]>(
    /* sql */ `select t.slug from tenantry.tenants t
      where t.id in (select jsonb_array_elements_text(?::jsonb)::uuid) and t.status <> 'purged'
        and (t.status <> 'deleting' or t.delete_after > now())
        and (exists (select from tenantry.memberships m where m.tenant_id = t.id and m.user_id = ? and m.role = 'owner')
             or exists (select from tenantry.pending_owners o where o.tenant_id = t.id and o.email in ${among}))
        and not exists (select from tenantry.memberships other join tenantry.users u on u.id = other.user_id and u.state = 'active'
                         where other.tenant_id = t.id and other.role = 'owner' and other.user_id <> ?)
      order by t.slug`,
    [JSON.stringify(tenantIds), id, JSON.stringify(addresses), id],
  )
  return rows.map(({ slug }) => slug)
}

/** Other active users with one of the addresses, which are in small letters, and which one that is. */
export async function listNamesakes(
  em: EntityManager,
  { id, addresses }: Person,
): Promise<{ id: string; address: string }[]> {
  return em.execute(
    `select id, email_key as address from tenantry.users where email_key in ${among} and id <> ? and state = 'active' order by id`,
    [JSON.stringify(addresses), id],
  )
}

/** Keys that they made as an operator, which stop with them. */
export async function listOperatorKeys(
  em: EntityManager,
  { id }: Person,
): Promise<{ tenant: string; apiKeyId: string; name: string }[]> {
  return em.execute(
    /* sql */ `select t.slug as tenant, k.id as "apiKeyId", k.name from tenantry.api_keys k join tenantry.tenants t on t.id = k.tenant_id
      where k.created_by_id = ? and k.created_by_type = 'platformAdmin' and k.revoked_at is null order by t.slug, k.id`,
    [id],
  )
}

/** Slugs. */
export async function listContactOf(em: EntityManager, { addresses }: Person): Promise<string[]> {
  const found = `select slug from tenantry.tenants where contact_email_key in ${among} and status <> 'purged' order by slug`
  return (await em.execute<{ slug: string }[]>(found, [JSON.stringify(addresses)])).map(({ slug }) => slug)
}

/** In the tenant that the unit of work goes on in. Answers rows by table. */
export async function erasePerson(em: EntityManager, id: string): Promise<Record<string, number>> {
  const [row] = await em.execute<{ counted: Record<string, number> }[]>('select lifecycle.erase_person(?) as counted', [
    id,
  ])
  return row?.counted ?? {}
}

/** What belongs to no tenant: the user, and the log of the platform, whose rows it counts. */
export async function eraseUser(em: EntityManager, id: string, at: Date): Promise<number> {
  const [row] = await em.execute<{ rewritten: string }[]>('select directory.erase_user(?, ?) as rewritten', [id, at])
  return Number(row?.rewritten ?? 0)
}
