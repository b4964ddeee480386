import { putRole } from '@tenantry/control-plane/capabilities/role/service.fixture'
import type { TestApi } from './api-server.ts'
import type { Input } from './doors.ts'
import { type Case, inPath, ofTenant } from './operation-case.ts'
import type { World } from './operation-world.ts'

/** Of roles that each tenant may have: an id alone names nothing. */
export const roleIds = Array.from({ length: 3 }, (_, place) => `019cf6a1-4e00-7000-8000-0000000000a${place}`)
const [roleId = '', otherId = ''] = roleIds

const withRole =
  (fields: Omit<Parameters<typeof putRole>[1], 'tenantId'> = {}) =>
  ({ installation }: TestApi, { tenant }: World) =>
    putRole(installation, { tenantId: tenant.id, id: roleId, ...fields })
const withRoles = async (api: TestApi, world: World) => {
  await withRole()(api, world)
  await withRole({ id: otherId, name: 'Treasurer', scopes: ['finance:view'] })(api, world)
}
/** Held by the caller, who is a member of the tenant but for the cases of those who are not. */
const heldByCaller = (api: TestApi, world: World) =>
  withRole(['stranger', 'anonymous'].includes(world.caller) ? {} : { userId: world.user.id })(api, world)

const ofCaller =
  (fields: Input = {}) =>
  (world: World) => ({ ...inPath(world), userId: world.user.id, ...fields })

export const roleCases: Record<string, Case[]> = {
  'roles.list': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ limit: 10 }), before: withRole() },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ cursor: 'the second page' }) },
  ],
  'roles.scopes': [{ expects: 'ok', as: 'viewer', input: inPath }],
  'roles.create': [
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({
        name: 'Auditor',
        description: 'Reads what happened, and exports it.',
        baseRole: 'viewer',
        scopes: ['audit:read', 'audit:export'],
        inheritable: true,
      }),
    },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ name: 'Auditor' }) },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ name: 'Auditor', scopes: ['audit:reed'] }) },
    { expects: 'role.name_taken', as: 'admin', input: ofTenant({ name: 'AUDITOR' }), before: withRole() },
    { expects: 'usage.limit_exceeded', as: 'admin', input: ofTenant({ name: 'Third' }), before: withRoles },
  ],
  'roles.update': [
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({ roleId, scopes: ['audit:read', 'audit:export'], expectedVersion: 1 }),
      before: withRole(),
    },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ roleId, name: 'Mine' }) },
    { expects: 'role.not_found', as: 'admin', input: ofTenant({ roleId, name: 'Auditors' }) },
    { expects: 'role.name_taken', as: 'admin', input: ofTenant({ roleId, name: 'treasurer' }), before: withRoles },
    {
      expects: 'role.concurrent_update',
      as: 'admin',
      input: ofTenant({ roleId, name: 'Auditors', expectedVersion: 7 }),
      before: withRole(),
    },
  ],
  'roles.remove': [
    { expects: 'ok', as: 'admin', input: ofTenant({ roleId, reassignTo: otherId }), before: withRoles },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ roleId }) },
    { expects: 'role.not_found', as: 'admin', input: ofTenant({ roleId }) },
    { expects: 'role.assigned', as: 'owner', input: ofTenant({ roleId }), before: heldByCaller },
  ],
  'userRoles.list': [
    { expects: 'ok', as: 'viewer', input: ofCaller(), before: heldByCaller },
    { expects: 'role.no_member', as: 'viewer', input: ofTenant({ userId: otherId }) },
  ],
  'userRoles.add': [
    { expects: 'ok', as: 'owner', input: ofCaller({ roleId }), before: withRole() },
    { expects: 'role.not_found', as: 'owner', input: ofCaller({ roleId }) },
    { expects: 'role.no_member', as: 'owner', input: ofTenant({ userId: otherId, roleId }), before: withRole() },
    { expects: 'auth.permission_denied', as: 'admin', input: ofCaller({ roleId }), before: withRole() },
  ],
  'userRoles.remove': [
    { expects: 'ok', as: 'owner', input: ofCaller({ roleId }), before: heldByCaller },
    { expects: 'role.not_found', as: 'owner', input: ofCaller({ roleId }), before: withRole() },
    { expects: 'role.no_member', as: 'owner', input: ofTenant({ userId: otherId, roleId }), before: withRole() },
    { expects: 'auth.permission_denied', as: 'admin', input: ofCaller({ roleId }), before: heldByCaller },
  ],
}
