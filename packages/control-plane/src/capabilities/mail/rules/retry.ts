const minutes = [1, 5, 15, 60, 240, 720, 1_440]

/** When to try again after so many tries, the one under way among them; null: not any more. */
export function nextAttempt(attempts: number, now: Date): Date | null {
  const wait = minutes[attempts - 1]
  return wait === undefined ? null : new Date(now.getTime() + wait * 60_000)
}
