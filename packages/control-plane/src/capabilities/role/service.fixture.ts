import type { InternalCaller } from '../../caller.ts'
import { operator, type TestInstallation } from '../../testing.ts'
import { roleScopes } from '../access/index.ts'
import type { CustomRole } from './entity.ts'
import { insertAssignments, makeRole, saveRole } from './repository.ts'

type NewRole = Partial<Parameters<InternalCaller['roles']['create']>[0]>

let made = 0

export function create(caller: InternalCaller, scopes: string[] = ['usage:adjust'], more: NewRole = {}) {
  made += 1
  return caller.roles.create({ tenantId: 'current', name: `Role ${made}`, scopes, ...more })
}

export const assign = (caller: InternalCaller, userId: string, roleId: string) =>
  caller.userRoles.add({ tenantId: 'current', userId, roleId })

/** Puts a role into a tenant without going through a door, held by that member. */
export async function putRole(
  { database, dependencies: { clock } }: TestInstallation,
  { tenantId, userId, ...fields }: Partial<CustomRole> & { tenantId: string; userId?: string },
): Promise<void> {
  const at = clock.now()
  await database.tenantUnit({ tenantId, actor: operator, readOnly: false }, async (em) => {
    const plain = { name: 'Auditor', description: null, baseRole: null, scopes: ['audit:read'], inheritable: false }
    const role = Object.assign(makeRole(em, { ...plain, createdAt: at }), fields)
    await saveRole(em, role)
    if (userId !== undefined) await insertAssignments(em, [{ userId, roleId: role.id, assignedAt: at }])
  })
}

/** What an admin holds, sorted as refusals go through it. */
export const adminScopes = () => [...roleScopes.admin].sort()
