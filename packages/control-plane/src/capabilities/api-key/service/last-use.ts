import type { Clock } from '@tenantry/kernel/context/clock'
import type { Database, Dependencies } from '@tenantry/kernel/context/dependencies'
import { touchApiKeys } from '../repository.ts'

export interface LastUses {
  note(id: string): void
  /** Writes what is noted, as it must be before the process ends. Never throws. */
  flush(): Promise<void>
}

export interface LastUseOptions {
  database: Database
  clock: Clock
  logger: Dependencies['logger']
  /** How many keys' uses wait at the most. */
  mostNoted: number
}

const waitMilliseconds = 60_000
const actor = { type: 'system', name: 'api-keys' } as const

/** Keys are used thousands of times a second; each is written once a minute, all of them in one statement. */
export function createLastUses({ database, clock, logger, mostNoted }: LastUseOptions): LastUses {
  let noted = new Map<string, Date>()
  let timer: ReturnType<typeof setTimeout> | undefined

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const uses = Array.from(noted, ([id, at]) => ({ id, at }))
    noted = new Map()
    if (uses.length === 0) return
    try {
      await database.platformUnit({ actor, readOnly: false }, (em) => touchApiKeys(em, uses))
    } catch (error) {
      // Their next use is noted again.
      logger.warn({ err: error }, 'it could not be written when API keys were last used')
    }
  }

  return {
    note: (id) => {
      noted.set(id, clock.now())
      // It must not keep a process alive that has nothing else to do.
      timer ??= setTimeout(() => void flush(), waitMilliseconds).unref()
      if (noted.size >= mostNoted) void flush()
    },
    flush,
  }
}
