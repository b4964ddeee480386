import { operator } from '@tenantry/control-plane/testing'
import type { Case } from './operation-case.ts'
import type { World } from './operation-world.ts'

const locked = new WeakMap<World, { id: string; email: string }>()

/** Who was deactivated, of that world alone. */
export const lockedIn = (world: World) => locked.get(world) ?? { id: '', email: '' }

/** A member there, who then is deactivated. */
export const lock =
  (where: 'tenant' | 'other'): NonNullable<Case['before']> =>
  async ({ installation }, world) => {
    const person = await installation.createMember(world[where].id, 'viewer')
    await installation.callerAs(operator).users.deactivate({ userId: person.id, reason: 'Laptop stolen' })
    locked.set(world, person)
  }
