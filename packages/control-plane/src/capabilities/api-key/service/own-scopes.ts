import { authErrors } from '@tenantry/kernel/contract/errors'

/** Nobody gives a key, or gets by it, what they do not hold. Throws `auth.permission_denied`. */
export function refuseMoreThanOwn(own: ReadonlySet<string>, scopes: readonly string[]): void {
  const missing = scopes.find((scope) => !own.has(scope))
  if (missing === undefined) return
  throw authErrors.permission_denied(
    { missingScope: missing },
    `You do not hold the scope ${missing} yourself, so that you cannot give it to a key.`,
  )
}
