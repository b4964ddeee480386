import type { JWTPayload } from 'jose'
import type { Identity } from '../context/dependencies.ts'

/** A claim that makes a platform admin: equal to `value` or a list with it; `'true'` for a boolean claim. */
export interface AdminClaim {
  /** The claim's own name, or a dotted path into it: `realm_access.roles`. */
  name: string
  value: string
}

const longestName = 200

export interface ClaimNames {
  platformAdminClaim?: AdminClaim
  tenantClaim?: string
}

/** What verified claims say about their subject. Needs `iss`, `sub` and `exp` to be there. */
export function toIdentity(
  claims: JWTPayload & { iss: string; sub: string; exp: number },
  names: ClaimNames,
): Identity {
  // One person's address, however an issuer spells it.
  const email = textOf(claims.email)?.toLowerCase() ?? null
  return {
    issuer: claims.iss,
    subject: claims.sub,
    email,
    // Only the boolean counts: "true", 1 and a missing claim have all been seen to mean "nobody looked".
    emailVerified: email !== null && claims.email_verified === true,
    name: displayName(claims.name),
    platformAdmin: names.platformAdminClaim !== undefined && holds(claims, names.platformAdminClaim),
    tenantClaim: textOf(claims[names.tenantClaim ?? 'tenant_id']),
    authenticationMethods: Array.isArray(claims.amr) ? claims.amr.filter((method) => typeof method === 'string') : [],
    authenticatedAt: instantOf(claims.auth_time),
    expiresAt: new Date(claims.exp * 1000),
  }
}

function holds(claims: JWTPayload, claim: AdminClaim): boolean {
  const found = Object.hasOwn(claims, claim.name) ? claims[claim.name] : valueAt(claims, claim.name.split('.'))
  const values: unknown[] = Array.isArray(found) ? found : [found]
  return values.some((value) => (typeof value === 'string' || value === true) && String(value) === claim.value)
}

function valueAt(value: unknown, [key, ...rest]: string[]): unknown {
  if (key === undefined) return value
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  return valueAt((value as Record<string, unknown>)[key], rest)
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** People choose it themselves: whatever it holds must not keep them from signing in. */
function displayName(value: unknown): string | null {
  const plain = textOf(value)
    ?.replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, longestName)
    .toWellFormed()
  return plain || null
}

function instantOf(seconds: unknown): Date | null {
  if (typeof seconds !== 'number') return null
  const instant = new Date(seconds * 1000)
  return Number.isNaN(instant.getTime()) ? null : instant
}
