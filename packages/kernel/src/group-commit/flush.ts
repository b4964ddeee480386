import { setTimeout as delay } from 'node:timers/promises'
import { serviceErrors } from '../contract/errors.ts'
import { isOutage, isTransient } from '../errors/outage.ts'
import type { LaneOptions, Verdict } from './lanes.ts'
import { patienceMilliseconds, retryMilliseconds } from './patience.ts'

export interface Waiting<Item, Answer> {
  item: Item
  /** Whether an earlier try of it may have been kept. */
  repeated: boolean
  account: string
  /** Milliseconds, of the clock that only goes forward. */
  since: number
  answer(answer: Answer): void
  refuse(error: unknown): void
}

interface Surroundings<Entry> {
  settled(entry: Entry): void
  waitForAccount(entry: Entry): void
  waitUntilReady(entry: Entry): void
}

/** Writes one batch until all of it is answered, or left to those who wait. */
export function createFlush<Item, Answer>(
  { write, written }: LaneOptions<Item, Answer>,
  surroundings: Surroundings<Waiting<Item, Answer>>,
) {
  type Entry = Waiting<Item, Answer>

  async function flush(given: Entry[], patient: boolean): Promise<void> {
    const batch = refuseLate(given, surroundings.settled)
    if (batch.length === 0) return
    let verdicts: Verdict<Answer>[]
    const started = performance.now()
    const oldest = Math.min(...batch.map(({ since }) => since))
    try {
      const repeated = batch.some((entry) => entry.repeated)
      verdicts = await write(
        batch.map(({ item }) => item),
        { patient, repeated },
      )
    } catch (error) {
      const parts = await recover(batch, error)
      for (const part of parts) await flush(part, patient)
      return
    }
    written?.({ items: batch.length, seconds: secondsSince(started), oldestSeconds: secondsSince(oldest) })
    for (const [index, entry] of batch.entries()) settle(entry, verdicts[index] as Verdict<Answer>)
  }

  function settle(entry: Entry, verdict: Verdict<Answer>): void {
    if (verdict === 'unready') surroundings.waitUntilReady(entry)
    else if (verdict === 'busy') surroundings.waitForAccount(entry)
    else {
      surroundings.settled(entry)
      entry.answer(verdict.answer)
    }
  }

  /** What fails for all of a batch is tried in halves, until the one it fails for is alone; after an outage at once. */
  async function recover(batch: Entry[], error: unknown): Promise<Entry[][]> {
    if (isTransient(error)) {
      await delay(retryMilliseconds)
      // Whether it was kept is known to the database alone.
      for (const entry of batch) entry.repeated = true
      return isOutage(error) ? [batch] : halvesOf(batch)
    }
    const [only, second] = batch
    if (!only || second) return halvesOf(batch)
    surroundings.settled(only)
    only.refuse(error)
    return []
  }

  return flush
}

/** Leaves those that have not waited too long. */
export function refuseLate<Entry extends Pick<Waiting<unknown, never>, 'since' | 'refuse'>>(
  batch: readonly Entry[],
  settled: (entry: Entry) => void,
): Entry[] {
  const oldest = performance.now() - patienceMilliseconds
  return batch.filter((entry) => {
    if (entry.since >= oldest) return true
    settled(entry)
    entry.refuse(serviceErrors.overloaded({ retryAfterSeconds: 1 }))
    return false
  })
}

export function halvesOf<Entry>(batch: readonly Entry[]): Entry[][] {
  const half = Math.ceil(batch.length / 2)
  return [batch.slice(0, half), batch.slice(half)].filter((part) => part.length > 0)
}

const secondsSince = (start: number) => (performance.now() - start) / 1_000
