import listedNames from 'reserved-usernames' with { type: 'json' }

/** Parts of our own paths, which come where a tenant is named too. */
const pathWords = [
  'current',
  'settings',
  'analytics',
  'audit-log',
  'health-summary',
  'bulk',
  'broadcast',
  'import',
  'onboard',
  'provision-from-template',
]

/** Hosts that installations serve beside those of tenants, and that the list does not have. */
const subdomains = [
  ...['assets', 'cdn', 'console', 'health', 'internal', 'metrics', 'mta-sts', 'preview', 'sso', 'trpc', 'webhooks'],
]

/** The list is one of names that would collide with hosts and paths, kept by others. */
const reservedNames: ReadonlySet<string> = new Set([...pathWords, ...subdomains, ...listedNames])

/** Whether no tenant may be called so. */
export const isReservedName = (name: string): boolean => reservedNames.has(name.toLowerCase())
