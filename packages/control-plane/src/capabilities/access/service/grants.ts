import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import { authErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { missingDetails } from '@tenantry/kernel/errors/missing-scope'
import { mayManage, missingFrom } from '../rules/grants.ts'
import { type BaseRole, isSeniorRole, type ScopeCatalogue } from '../rules/scopes.ts'

type Scopes = ReadonlySet<string>
type Holder = Pick<TenantAccess, 'scopes' | 'withheld' | 'sources'>

/** What a role gives, and whether it gives it in the tenants below too. */
export interface Granted {
  scopes: Scopes
  inheritable: boolean
}

export const baseGrant = (role: BaseRole, { ofRole }: ScopeCatalogue): Granted => ({
  scopes: ofRole[role],
  inheritable: isSeniorRole(role),
})

/** Whether or not the plan lets it count: what does not today may tomorrow. */
export const heldBy = ({ scopes, withheld }: Pick<Holder, 'scopes' | 'withheld'>): Scopes =>
  withheld.size === 0 ? scopes : new Set([...scopes, ...withheld.keys()])

/** Nobody grants what they do not hold, nor beyond where they hold it: `auth.permission_denied`, or null. */
export const grantRefusal = (holder: Holder, { scopes, inheritable }: Granted): AppError | null =>
  beyondHeld(holder, scopes) ?? (inheritable ? beyondInheritable(holder, scopes) : null)

/** Throws what `grantRefusal` answers. */
export function refuseGranting(holder: Holder, granted: Granted): void {
  const refusal = grantRefusal(holder, granted)
  if (refusal) throw refusal
}

function beyondHeld(holder: Holder, granted: Scopes): AppError | null {
  const missing = missingFrom(heldBy(holder), granted)
  if (missing.length === 0) return null
  return authErrors.permission_denied(
    missingDetails(missing),
    `Nobody grants what they do not hold: ${missing.join(', ')}.`,
  )
}

/** What reaches the tenants below is granted from what does so itself. */
function beyondInheritable({ sources }: Holder, granted: Scopes): AppError | null {
  const reaching = sources.filter(({ inheritable, inheritedFrom }) => inheritable || inheritedFrom !== null)
  const missing = missingFrom(new Set(reaching.flatMap(({ scopes }) => [...scopes])), granted)
  if (missing.length === 0) return null
  return authErrors.permission_denied(
    missingDetails(missing),
    `You do not hold ${missing.join(', ')} in the tenants below, so that you cannot grant it there.`,
  )
}

/** `others` are the scopes of whom the caller is about to change: `auth.permission_denied`, or null. */
export function managingRefusal(holder: Holder, others: Scopes): AppError | null {
  if (mayManage(heldBy(holder), others)) return null
  return authErrors.permission_denied(
    { missingScope: 'tenant:own' },
    'Only an owner changes the roles of somebody who holds as much as you do, or what you do not.',
  )
}

/** Throws what `managingRefusal` answers. */
export function refuseManaging(holder: Holder, others: Scopes): void {
  const refusal = managingRefusal(holder, others)
  if (refusal) throw refusal
}
