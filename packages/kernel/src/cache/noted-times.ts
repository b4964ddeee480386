import { LRUCache } from 'lru-cache'
import type { Clock } from '../context/clock.ts'
import type { Dependencies } from '../context/dependencies.ts'

export interface NotedTimes {
  /** That this happens to it now. */
  note(id: string): void
  /** Writes what is noted, as it must be before the process ends. Never throws. */
  flush(): Promise<void>
}

export interface NotedTimesOptions {
  clock: Clock
  logger: Dependencies['logger']
  /** How many wait at the most. */
  mostNoted: number
  /** What was noted is not noted again so soon; 0 unless told. */
  restMilliseconds?: number
  write(times: { id: string; at: Date }[]): Promise<void>
}

const waitMilliseconds = 60_000

/** For what happens thousands of times a second: all of a minute are written in one statement, off every request's path. */
export function createNotedTimes({ clock, logger, mostNoted, restMilliseconds = 0, write }: NotedTimesOptions) {
  let noted = new Map<string, Date>()
  const resting = new LRUCache<string, Date>({ max: mostNoted })
  let timer: ReturnType<typeof setTimeout> | undefined

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const times = Array.from(noted, ([id, at]) => ({ id, at }))
    noted = new Map()
    if (times.length === 0) return
    try {
      await write(times)
    } catch (error) {
      // The next time is noted again.
      for (const { id } of times) resting.delete(id)
      logger.warn({ err: error }, 'it could not be written when something last happened')
    }
  }

  const times: NotedTimes = {
    note: (id) => {
      const at = clock.now()
      const last = resting.get(id)
      if (last !== undefined && at.getTime() - last.getTime() < restMilliseconds) return
      if (restMilliseconds > 0) resting.set(id, at)
      noted.set(id, at)
      // It must not keep a process alive that has nothing else to do.
      timer ??= setTimeout(() => void flush(), waitMilliseconds).unref()
      if (noted.size >= mostNoted) void flush()
    },
    flush,
  }
  return times
}
