import type { Actor } from '@tenantry/kernel/context/actor'
import { authErrors } from '@tenantry/kernel/contract/errors'

/** Throws `auth.unauthenticated` for nobody, whom the pipeline has refused before. */
export function principalOf(actor: Actor) {
  if (actor.type === 'anonymous') throw authErrors.unauthenticated()
  return { type: actor.type, id: 'id' in actor ? actor.id : actor.name }
}
