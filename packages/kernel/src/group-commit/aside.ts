import type { Dependencies } from '../context/dependencies.ts'
import { isTransient } from '../errors/outage.ts'

/** What follows a commit without holding up its caller. */
export interface Aside {
  /** One at a time for each name; asked for again meanwhile, it runs once more. What fails is logged. */
  run(name: string, task: () => Promise<void>): void
  /** Resolves when what was asked for under that name until now is done, whatever is asked for later. */
  idle(name: string): Promise<void>
  close(): Promise<void>
}

interface Turn {
  task(): Promise<void>
  done: PromiseWithResolvers<void>
}

export function createAside(logger: Dependencies['logger']): Aside {
  const underWay = new Map<string, Turn>()
  /** They begin when the one before has ended, and so see all that was there when they were asked for. */
  const next = new Map<string, Turn>()

  async function work(name: string): Promise<void> {
    for (let turn = next.get(name); turn !== undefined; turn = next.get(name)) {
      underWay.set(name, turn)
      // What the same turn of the event loop asks for belongs to it.
      await Promise.resolve()
      next.delete(name)
      try {
        await turn.task()
      } catch (error) {
        // What a database that is gone for a moment has left undone, a job does later.
        logger[isTransient(error) ? 'warn' : 'error']({ err: error, task: name }, 'a step after a commit failed')
      }
      underWay.delete(name)
      turn.done.resolve()
    }
  }

  return {
    run: (name, task) => {
      const waiting = next.get(name)
      if (waiting) {
        waiting.task = task
        return
      }
      next.set(name, { task, done: Promise.withResolvers() })
      if (!underWay.has(name)) void work(name)
    },
    idle: async (name) => (next.get(name) ?? underWay.get(name))?.done.promise,
    close: async () => {
      while (underWay.size > 0) await Promise.all([...underWay.values()].map(({ done }) => done.promise))
    },
  }
}
