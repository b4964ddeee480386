/** How long a caller waits for what others hold, or for a database that is gone, before it is told to come again. */
export const patienceMilliseconds = 3_000
export const retryMilliseconds = 50

/** Waits for the work, or so long for it; leaves no timer behind, which would keep the process from ending. */
export async function waitAtMost(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, milliseconds)
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
