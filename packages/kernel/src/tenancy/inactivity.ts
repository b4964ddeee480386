import type { TenantAccess } from '../context/dependencies.ts'
import { tenantSelectionErrors } from '../contract/errors.ts'
import type { AppError } from '../errors/app-error.ts'

type State = Pick<TenantAccess['tenant'], 'status' | 'inactiveAncestor'>

/** The state that counts: its own, or where that is active, of the ancestor that keeps it from acting. */
export const effectiveStatusOf = ({ status, inactiveAncestor }: State): string =>
  status === 'active' && inactiveAncestor ? inactiveAncestor.status : status

/** `tenant.inactive` where the tenant or one above it does not act. Why an ancestor does not is between it and the platform. */
export function inactivityOf(tenant: TenantAccess['tenant']): AppError | null {
  const { status, statusReason: reason, statusUntil, inactiveAncestor } = tenant
  const state = effectiveStatusOf(tenant)
  if (status !== 'active') {
    if (statusUntil === null) return tenantSelectionErrors.inactive({ state, reason }, `This tenant is ${state}.`)
    const until = statusUntil.toISOString()
    return tenantSelectionErrors.inactive({ state, reason, until }, `This tenant is ${state} until ${until}.`)
  }
  if (inactiveAncestor === null) return null
  return tenantSelectionErrors.inactive(
    { state, reason: null, ancestorId: inactiveAncestor.id },
    `This tenant stands below one that is ${state}.`,
  )
}
