import type { InternalCaller } from '@tenantry/control-plane/caller'

/** Of a user who is named by id, or by an address that no other has. */
export async function idOf(users: InternalCaller['users'], named: string): Promise<string> {
  if (!named.includes('@')) return named
  const { items } = await users.list({ q: named, limit: 200 })
  const [found, ...others] = items.filter(({ email }) => email.toLowerCase() === named.toLowerCase())
  const { ConfigurationError } = await import('@tenantry/installation/environment')
  if (!found) throw new ConfigurationError(`Nobody has the address ${named}. tenantry user list finds people.`)
  if (others.length === 0) return found.id
  const ids = [found, ...others].map(({ id }) => id).join(', ')
  throw new ConfigurationError(`Several users have the address ${named}: ${ids}. Name one by its id.`)
}
