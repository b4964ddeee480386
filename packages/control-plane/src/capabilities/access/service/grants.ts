import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import { authErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { mayManage, missingFrom } from '../rules/grants.ts'

type Holder = Pick<TenantAccess, 'scopes' | 'withheld'>

/** Whether or not the plan lets it count: what does not today may tomorrow. */
const heldBy = ({ scopes, withheld }: Holder): ReadonlySet<string> =>
  withheld.size === 0 ? scopes : new Set([...scopes, ...withheld.keys()])

/** Nobody grants what they do not hold: `auth.permission_denied` with a scope that is missing, or null. */
export function grantRefusal(holder: Holder, granted: ReadonlySet<string>): AppError | null {
  const missingScope = missingFrom(heldBy(holder), granted)
  if (missingScope === undefined) return null
  return authErrors.permission_denied({ missingScope }, `Nobody grants what they do not hold: ${missingScope}.`)
}

/** Throws what `grantRefusal` answers. */
export function refuseGrantBeyond(holder: Holder, granted: ReadonlySet<string>): void {
  const refusal = grantRefusal(holder, granted)
  if (refusal) throw refusal
}

/** Nor beyond where they hold it: what reaches the tenants below is granted from what does so itself. */
export function refuseInheritableBeyond({ sources }: TenantAccess, granted: ReadonlySet<string>): void {
  const reaching = sources.filter(({ inheritable, inheritedFrom }) => inheritable || inheritedFrom !== null)
  const missingScope = missingFrom(new Set(reaching.flatMap(({ scopes }) => [...scopes])), granted)
  if (missingScope === undefined) return
  throw authErrors.permission_denied(
    { missingScope },
    `You do not hold ${missingScope} in the tenants below, so that you cannot grant it there.`,
  )
}

/** `others` are the scopes of whom the caller is about to change. Throws `auth.permission_denied`. */
export function refuseManaging(holder: Holder, others: ReadonlySet<string>): void {
  if (mayManage(heldBy(holder), others)) return
  throw authErrors.permission_denied(
    { missingScope: 'tenant:own' },
    'Only an owner changes the roles of somebody who holds as much as you do, or what you do not.',
  )
}
