import type { TenantAccess } from '../context/dependencies.ts'
import { tenantSelectionErrors } from '../contract/errors.ts'
import type { AppError } from '../errors/app-error.ts'

/** `tenant.inactive` where the tenant or one above it does not act. Why an ancestor does not is between it and the platform. */
export function inactivityOf({ status, statusReason, inactiveAncestor }: TenantAccess['tenant']): AppError | null {
  if (status !== 'active')
    return tenantSelectionErrors.inactive({ state: status, reason: statusReason }, `This tenant is ${status}.`)
  if (inactiveAncestor === null) return null
  return tenantSelectionErrors.inactive(
    { state: inactiveAncestor.status, reason: null, ancestorId: inactiveAncestor.id },
    `This tenant stands below one that is ${inactiveAncestor.status}.`,
  )
}
