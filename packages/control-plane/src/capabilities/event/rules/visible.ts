import type { z } from 'zod'
import type { tenantEvent } from '../contract.ts'

export type EventType = z.output<typeof tenantEvent>['type']

const neededScope: Readonly<Record<EventType, string>> = {
  'tenant.updated': 'tenant:read',
  'tenant.suspended': 'tenant:read',
  'tenant.reactivated': 'tenant:read',
  'tenant.removed': 'tenant:read',
  'tenant.restored': 'tenant:read',
  'member.added': 'members:read',
  'member.role_changed': 'members:read',
  'member.removed': 'members:read',
  'settings.updated': 'settings:read',
  'usage.threshold_reached': 'usage:read',
}

/** An event is shown to those who may read what it tells of. */
export function visibleTypes(scopes: ReadonlySet<string>): EventType[] {
  const types = Object.keys(neededScope) as EventType[]
  return types.filter((type) => scopes.has(neededScope[type]))
}
