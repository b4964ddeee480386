import { isDeepStrictEqual } from 'node:util'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { roleErrors, type updateRole as updateOperation } from '../contract.ts'
import { saveRole } from '../repository.ts'
import { getRole, refuseComposing, refuseEditing, refuseUnknown } from './composition.ts'
import { composed, describe, forgetAccess } from './describe.ts'
import { beginChange } from './standing.ts'

type Input = Omit<z.output<typeof updateOperation.input>, 'tenantId'>

/** Throws `role.not_found`, `role.concurrent_update`, `role.name_taken`, `request.invalid`, or `auth.permission_denied`. */
export async function update(ctx: TenantContext, { roleId, expectedVersion, ...given }: Input) {
  const standing = await beginChange(ctx, 'roles:manage')
  const role = await getRole(ctx, roleId)
  if (expectedVersion !== undefined && expectedVersion !== role.version)
    throw roleErrors.concurrent_update({ currentVersion: role.version })

  const before = describe(role)
  const scopes = given.scopes === undefined ? before.scopes : [...new Set(given.scopes)]
  const after = {
    name: given.name ?? before.name,
    description: given.description === undefined ? before.description : given.description,
    baseRole: given.baseRole === undefined ? before.baseRole : given.baseRole,
    scopes,
    inheritable: given.inheritable ?? before.inheritable,
  }
  const changed = composed.filter((field) => !isDeepStrictEqual(before[field], after[field]))
  if (changed.length === 0) return before
  refuseUnknown(scopes, ctx.services.scopes)
  await refuseEditing(ctx, standing, before)
  refuseComposing(ctx, standing, after)

  Object.assign(role, after, { version: role.version + 1, updatedAt: ctx.clock.now() })
  await saveRole(ctx.em, role)
  ctx.record('role.updated', {
    target: { type: 'role', id: roleId },
    changes: Object.fromEntries(changed.map((field) => [field, { before: before[field], after: after[field] }])),
  })
  forgetAccess(ctx)
  return describe(role)
}
