import { type Actor, isOperator } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import { authErrors } from '../../contract/errors.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { missingScope } from '../../errors/missing-scope.ts'

/** One check against what the operation declares; a platform operation is for platform admins only. */
export function authorize(operation: AnyOperation, actor: Actor, access: TenantAccess | null): void {
  const { permission, unitOfWork, operatorSpansTenants } = operation
  if ((unitOfWork === 'platform' || permission === 'platform') && !isOperator(actor)) {
    throw authErrors.permission_denied({}, 'Only platform admins may do this.')
  }
  const isPerson = actor.type === 'user' || actor.type === 'platformAdmin'
  if (unitOfWork === 'user' && !isPerson && !(operatorSpansTenants && isOperator(actor))) {
    throw authErrors.permission_denied({}, 'Only a signed-in user may do this.')
  }
  if (unitOfWork === 'tenant') authorizeInTenant(permission, access)
}

/** Before a tenant is looked for, which who is no platform admin any more may have no access to. */
export function refuseSwitchedOff(operation: AnyOperation, actor: Actor, platformAccess: boolean): void {
  if (platformAccess || isOperator(actor)) return
  if (operation.unitOfWork !== 'platform' && operation.permission !== 'platform') return
  throw authErrors.permission_denied({}, 'Platform operations are switched off here: PLATFORM_ACCESS is false.')
}

function authorizeInTenant(permission: AnyOperation['permission'], access: TenantAccess | null): void {
  if (access && (permission === 'any' || permission === 'platform')) return
  if (permission === null) throw authErrors.permission_denied()
  if (!access?.scopes.has(permission)) throw missingScope(permission, access?.withheld.get(permission))
}
