/** Work that goes on after its caller was answered. */
export interface Background {
  /**
   * `work` sees to its own failures. Answers at once, before any of it is done, unless very many wait: then whoever brings
   * more of it is held up, by as much as others brought.
   */
  start(work: () => Promise<void>): Promise<void>
  /** Once nothing is under way or waiting any more. */
  settled(): Promise<void>
}

/** So few that what is in the foreground finds connections. */
const atATime = 4
const mostWaiting = 1_000

export function createBackground(): Background {
  const waiting: (() => Promise<void>)[] = []
  const heldUp: (() => void)[] = []
  const settling: (() => void)[] = []
  let running = 0

  function next(): void {
    const work = running < atATime ? waiting.shift() : undefined
    if (waiting.length < mostWaiting) heldUp.shift()?.()
    if (work) {
      running += 1
      void work().finally(() => {
        running -= 1
        next()
      })
    } else if (running === 0) {
      for (const resolve of settling.splice(0)) resolve()
    }
  }

  return {
    start: async (work) => {
      waiting.push(work)
      // Whoever is answered by what goes on now does not wait for even the beginning.
      setImmediate(next)
      if (waiting.length > mostWaiting) await new Promise<void>((resolve) => heldUp.push(resolve))
    },
    settled: () =>
      new Promise((resolve) => {
        settling.push(resolve)
        setImmediate(next)
      }),
  }
}
