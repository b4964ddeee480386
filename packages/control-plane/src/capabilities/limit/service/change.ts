import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { Issue } from '@tenantry/kernel/errors/app-error'

/** To be called by whoever changes what limits are made of: what stands above them is told, and what is kept forgotten. */
export function takeEffect({ afterCommit, services, tenant: { id } }: TenantContext): void {
  for (const name of ['limits', 'usage']) afterCommit(() => services.cache.invalidate(id, name))
  afterCommit(() => services.metering.refresh([id]))
}

export function unknownMeters(
  { services: { catalogue } }: Pick<TenantContext, 'services'>,
  keys: readonly string[],
  pathOf: (meter: string) => string,
): Issue[] {
  const message = `Expected one of ${Object.keys(catalogue.meters).join(', ')}.`
  return keys.filter((key) => !catalogue.meters[key]).map((key) => ({ path: pathOf(key), message }))
}

/** Null is for good. */
export function futureOf({ clock }: Pick<TenantContext, 'clock'>, given: string | null | undefined, path: string) {
  const expiresAt = given == null ? null : new Date(given)
  const isPast = expiresAt !== null && expiresAt <= clock.now()
  return { expiresAt, issue: isPast ? { path, message: 'Expected a time in the future.' } : null }
}
