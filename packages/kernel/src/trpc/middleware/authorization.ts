import type { Actor } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import { authErrors } from '../../contract/errors.ts'
import type { AnyOperation } from '../../contract/operation.ts'

/** One check against the operation's declared scope; a platform operation is for platform admins only. */
export function authorize({ permission, unitOfWork }: AnyOperation, actor: Actor, access: TenantAccess | null): void {
  if (unitOfWork === 'platform' && actor.type !== 'platformAdmin' && actor.type !== 'system') {
    throw authErrors.permission_denied({}, 'Only platform admins may do this.')
  }
  if (unitOfWork === 'user' && actor.type !== 'user' && actor.type !== 'platformAdmin') {
    throw authErrors.permission_denied({}, 'Only a signed-in user may do this.')
  }
  if (unitOfWork === 'tenant' && (permission === null || !access?.scopes.has(permission))) {
    const missing = permission === null ? {} : { missingScope: permission }
    throw authErrors.permission_denied(missing, `This needs the scope ${permission}.`)
  }
}
