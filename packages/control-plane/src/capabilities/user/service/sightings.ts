import { createNotedTimes, type NotedTimes } from '@tenantry/kernel/cache/noted-times'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { touchUsers } from '../repository/users.ts'

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    /** When people were last seen; to be flushed before the process ends. */
    sightings: NotedTimes
  }
}

/** Of one person: somebody at work all day costs a hundred writes, and who looks at it cares for days. */
const apartMilliseconds = 300_000
const actor = { type: 'system', name: 'sightings' } as const

export const createSightings = ({ database, clock, logger }: Pick<Dependencies, 'database' | 'clock' | 'logger'>) =>
  createNotedTimes({
    clock,
    logger,
    mostNoted: 10_000,
    restMilliseconds: apartMilliseconds,
    write: (times) =>
      database.platformUnit({ actor, readOnly: false }, (em) => touchUsers(em, { times, apartMilliseconds })),
  })
