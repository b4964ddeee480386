import { setTimeout as delay } from 'node:timers/promises'
import { isTransient } from '../errors/outage.ts'
import { halvesOf, refuseLate, type Waiting } from './flush.ts'
import { retryMilliseconds } from './patience.ts'

interface Surroundings<Entry> {
  batchSize: number
  keep(work: Promise<void>): void
  enqueue(entry: Entry): void
  settled(entry: Entry): void
}

/** Has the accounts of those that wait here made ready, beside the lanes, and sends them back. */
export function createPreparation<Entry extends Pick<Waiting<unknown, never>, 'account' | 'since' | 'refuse'>>(
  { makeReady }: { makeReady(accounts: string[]): Promise<void> },
  { batchSize, keep, enqueue, settled }: Surroundings<Entry>,
) {
  const waiting: Entry[] = []
  const returned = new WeakSet<Entry>()
  let running = false

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const batch = refuseLate(waiting.splice(0, batchSize), settled)
      // What was made ready and is not any more has others at work on it.
      if (batch.length > 0 && batch.every((entry) => returned.has(entry))) await delay(retryMilliseconds)
      await prepare(batch)
    }
    running = false
  }

  async function prepare(batch: Entry[]): Promise<void> {
    const accounts = [...new Set(batch.map(({ account }) => account))]
    if (accounts.length === 0) return
    try {
      await makeReady(accounts)
    } catch (error) {
      return recover(batch, accounts, error)
    }
    for (const entry of batch) {
      returned.add(entry)
      enqueue(entry)
    }
  }

  async function recover(batch: Entry[], accounts: string[], error: unknown): Promise<void> {
    if (isTransient(error)) {
      await delay(retryMilliseconds)
      waiting.push(...batch)
      return
    }
    if (accounts.length === 1) {
      for (const entry of batch) {
        settled(entry)
        entry.refuse(error)
      }
      return
    }
    for (const half of halvesOf(accounts)) await prepare(batch.filter(({ account }) => half.includes(account)))
  }

  return {
    add: (entry: Entry) => {
      waiting.push(entry)
      if (running) return
      running = true
      keep(Promise.resolve().then(run))
    },
  }
}
