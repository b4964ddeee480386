import { randomBytes } from 'node:crypto'
import type { TestTenant, TestUser } from '@tenantry/control-plane/testing'
import type { TestApi } from './api-server.ts'

export type Caller = 'owner' | 'admin' | 'member' | 'viewer' | 'stranger' | 'operator' | 'anonymous'

/** Two tenants that nobody else knows, and one caller. A case is played in a world of its own on every door. */
export interface World {
  tenant: TestTenant
  /** Another tenant of the caller's, on the same plan. */
  other: TestTenant
  user: TestUser
  caller: Caller
}

export async function makeWorld(
  { installation }: TestApi,
  caller: Caller,
  status: 'active' | 'suspended',
): Promise<World> {
  const name = randomBytes(6).toString('hex')
  const [tenant, other, user] = await Promise.all([
    installation.createTenant({ slug: `first-${name}`, plan: 'starter', status }),
    installation.createTenant({ slug: `other-${name}`, plan: 'starter' }),
    installation.createUser(`caller-${name}@people.test`),
  ])
  if (caller !== 'stranger' && caller !== 'operator' && caller !== 'anonymous') {
    for (const { id } of [tenant, other]) await installation.addMember(id, user.id, caller)
  }
  return { tenant, other, user, caller }
}

/** Takes out what tells one world from another, and one request from another. */
export function anonymised({ tenant, other, user }: World, value: unknown): unknown {
  const names = Object.entries({
    tenant: tenant.slug,
    other: other.slug,
    tenantId: tenant.id,
    otherId: other.id,
    userId: user.id,
  })
  const text = [...names, ['email', user.email] as const].reduce(
    (replaced, [name, own]) => replaced.replaceAll(own, `<${name}>`),
    JSON.stringify(value),
  )
  // Where an event stands says when it happened; what is new has an id, and a secret, of its own.
  return JSON.parse(
    text
      .replaceAll(/"\d{16}"/g, '"<position>"')
      .replaceAll(/"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"/g, '"<newId>"')
      .replaceAll(/"tk_test_[0-9a-f_]+"/g, '"<key>"'),
  )
}
