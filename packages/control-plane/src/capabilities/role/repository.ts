import { type EntityManager, UniqueConstraintViolationException } from '@mikro-orm/postgresql'
import { roleErrors } from './contract.ts'
import { CustomRole, RoleAssignment } from './entity.ts'

/** For queries of others that count roles along. */
export const roleSource = { role: CustomRole }

/** Until the end of the transaction nobody else changes who is a member of these tenants, or what they hold there. */
export async function lockMembers(em: EntityManager, tenantIds: readonly string[]): Promise<void> {
  for (const tenantId of tenantIds.toSorted())
    await em.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [`tenantry members ${tenantId}`])
}

export async function findRole(em: EntityManager, id: string): Promise<CustomRole | null> {
  return em.findOne(CustomRole, { id })
}

export async function findRoles(em: EntityManager, ids: readonly string[]): Promise<CustomRole[]> {
  return em.find(CustomRole, { id: { $in: [...ids] } })
}

export async function listRoleScopes(em: EntityManager): Promise<Pick<CustomRole, 'name' | 'scopes'>[]> {
  return em.find(CustomRole, {}, { orderBy: { id: 'asc' }, fields: ['name', 'scopes'] })
}

/** The newest first. */
export async function listRolesBefore(
  em: EntityManager,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<CustomRole[]> {
  return em.find(CustomRole, before === undefined ? {} : { id: { $lt: before } }, { orderBy: { id: 'desc' }, limit })
}

/** Throws `role.name_taken`: only the database sees both. */
export async function saveRole(em: EntityManager, role: CustomRole): Promise<void> {
  try {
    await em.persist(role).flush()
  } catch (error) {
    if (!(error instanceof UniqueConstraintViolationException)) throw error
    throw roleErrors.name_taken({ issues: [{ path: 'name', message: 'Another role of this tenant has this name.' }] })
  }
}

export function makeRole(
  em: EntityManager,
  role: Pick<CustomRole, 'name' | 'description' | 'baseRole' | 'scopes' | 'inheritable' | 'createdAt'>,
): CustomRole {
  return em.create(CustomRole, { ...role, updatedAt: role.createdAt })
}

/** Nobody may hold it any more. */
export async function deleteRole(em: EntityManager, id: string): Promise<void> {
  await em.execute('select lifecycle.remove_role(?)', [id])
}

/** By role, how many members hold it; none has no entry. */
export async function countHolders(em: EntityManager, roleIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await em.execute<{ roleId: string; count: string }[]>(
    /* sql */ `select role_id as "roleId", count(*) as count from tenantry.role_assignments
      where tenant_id = (select tenancy.current_tenant()) and role_id in (select jsonb_array_elements_text(?::jsonb)::uuid)
      group by role_id`,
    [JSON.stringify(roleIds)],
  )
  return new Map(rows.map(({ roleId, count }) => [roleId, Number(count)]))
}

export async function listAssignedRoles(
  em: EntityManager,
  userId: string,
  { before, limit }: { before?: string | undefined; limit?: number } = {},
): Promise<CustomRole[]> {
  const assignments = await em.find(
    RoleAssignment,
    { userId, ...(before === undefined ? {} : { roleId: { $lt: before } }) },
    { orderBy: { roleId: 'desc' }, ...(limit === undefined ? {} : { limit }) },
  )
  const ids = assignments.map(({ roleId }) => roleId)
  return em.find(CustomRole, { id: { $in: ids } }, { orderBy: { id: 'desc' } })
}

/** In one statement; those that there are already stay as they are. */
export async function insertAssignments(
  em: EntityManager,
  assignments: readonly Omit<RoleAssignment, 'tenantId'>[],
): Promise<void> {
  await em.execute(
    /* sql */ `insert into tenantry.role_assignments (tenant_id, user_id, role_id, assigned_at)
      select (select tenancy.current_tenant()), given."userId", given."roleId", given."assignedAt"
        from jsonb_to_recordset(?::jsonb) as given ("userId" uuid, "roleId" uuid, "assignedAt" timestamptz)
      on conflict do nothing`,
    [JSON.stringify(assignments)],
  )
}

/** Gives to all who hold one role another one besides. */
export async function copyAssignments(
  em: EntityManager,
  { from, to, assignedAt }: { from: string; to: string; assignedAt: Date },
): Promise<void> {
  await em.execute(
    /* sql */ `insert into tenantry.role_assignments (tenant_id, user_id, role_id, assigned_at)
      select tenant_id, user_id, ?, ? from tenantry.role_assignments
       where tenant_id = (select tenancy.current_tenant()) and role_id = ?
      on conflict do nothing`,
    [to, assignedAt, from],
  )
}

/** Of a member, of a role, or the one of both; how many there were. */
export async function deleteAssignments(
  em: EntityManager,
  { userId = null, roleId = null }: { userId?: string | null; roleId?: string | null },
): Promise<number> {
  const [row] = await em.execute<{ count: string }[]>('select lifecycle.remove_assignments(?, ?) as count', [
    userId,
    roleId,
  ])
  return Number(row?.count ?? 0)
}
