import { authErrors } from '@tenantry/kernel/contract/errors'
import { missingDetails } from '@tenantry/kernel/errors/missing-scope'

/** Nobody gives a key, or gets by it, what they do not hold. Throws `auth.permission_denied`. */
export function refuseMoreThanOwn(own: ReadonlySet<string>, scopes: readonly string[]): void {
  const missing = scopes.filter((scope) => !own.has(scope))
  if (missing.length === 0) return
  throw authErrors.permission_denied(
    missingDetails(missing),
    `You do not hold the scope ${missing.join(', ')} yourself, so that you cannot give it to a key.`,
  )
}
