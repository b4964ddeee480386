/** Work that goes on after its caller was answered. */
export interface Background {
  /** `work` sees to its own failures. A few run at a time, in the order in which they came. */
  start(work: () => Promise<void>): void
  /** Once nothing is under way or waiting any more. */
  settled(): Promise<void>
}

/** So few that what is in the foreground finds connections. */
const atATime = 4

export function createBackground(): Background {
  const waiting: (() => Promise<void>)[] = []
  const idle: (() => void)[] = []
  let running = 0

  function next(): void {
    const work = running < atATime ? waiting.shift() : undefined
    if (work) {
      running += 1
      void work().finally(() => {
        running -= 1
        next()
      })
    } else if (running === 0) {
      for (const resolve of idle.splice(0)) resolve()
    }
  }

  return {
    start: (work) => {
      waiting.push(work)
      // Whoever is answered by what goes on now does not wait for even the beginning.
      setImmediate(next)
    },
    settled: () =>
      new Promise((resolve) => {
        idle.push(resolve)
        setImmediate(next)
      }),
  }
}
