import type { Actor } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { authErrors } from '../../contract/errors.ts'
import type { Operation } from '../../contract/operation.ts'
import { recordDenial } from '../denial.ts'

/** One check against the operation's declared scope; a platform operation is for platform admins only. */
export async function authorize(
  ctx: RequestContext,
  { actor, access }: { actor: Actor; access: TenantAccess | null },
  { operation, path }: { operation: Operation; path: string },
): Promise<void> {
  const { permission, unitOfWork } = operation
  if (unitOfWork === 'platform' && actor.type !== 'platformAdmin' && actor.type !== 'system') {
    await recordDenial(ctx, { actor, code: 'auth.permission_denied', operation: path })
    throw authErrors.permission_denied({}, 'Only platform admins may do this.')
  }
  if (unitOfWork === 'user' && actor.type !== 'user' && actor.type !== 'platformAdmin') {
    throw authErrors.permission_denied({}, 'Only a signed-in user may do this.')
  }
  if (unitOfWork === 'tenant' && (permission === null || !access?.scopes.has(permission))) {
    await recordDenial(ctx, {
      actor,
      code: 'auth.permission_denied',
      operation: path,
      tenantId: async () => access?.tenant.id ?? null,
    })
    throw authErrors.permission_denied(
      permission === null ? {} : { missingScope: permission },
      `This needs the scope ${permission}.`,
    )
  }
}
