import type { Dependencies } from '../context/dependencies.ts'
import { isTransient } from '../errors/outage.ts'

/** What follows a commit without holding up its caller. */
export interface Aside {
  /** One at a time for each name; asked for again meanwhile, it runs once more. What fails is logged. */
  run(name: string, task: () => Promise<void>): void
  /** Resolves when nothing of that name is left to do. */
  idle(name: string): Promise<void>
  close(): Promise<void>
}

export function createAside(logger: Dependencies['logger']): Aside {
  const running = new Map<string, { again: boolean; done: Promise<void> }>()

  async function work(name: string, task: () => Promise<void>): Promise<void> {
    // Before the first, its state is not kept yet: it begins in the next turn.
    await Promise.resolve()
    const state = running.get(name)
    do {
      if (state) state.again = false
      try {
        await task()
      } catch (error) {
        // What a database that is gone for a moment has left undone, a job does later.
        logger[isTransient(error) ? 'warn' : 'error']({ err: error, task: name }, 'a step after a commit failed')
      }
    } while (state?.again)
    running.delete(name)
  }

  return {
    run: (name, task) => {
      const known = running.get(name)
      if (known) known.again = true
      else running.set(name, { again: false, done: work(name, task) })
    },
    idle: async (name) => running.get(name)?.done,
    close: async () => {
      while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done))
    },
  }
}
