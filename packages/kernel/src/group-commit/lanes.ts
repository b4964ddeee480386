import { setTimeout as delay } from 'node:timers/promises'
import { serviceErrors } from '../contract/errors.ts'
import { isTransient } from '../errors/outage.ts'
import { createFairQueue } from './fair-queue.ts'
import { patienceMilliseconds, retryMilliseconds } from './patience.ts'

/** What became of an item: answered, or to be tried again when its account is free, or made ready. */
export type Verdict<Answer> = { answer: Answer } | 'busy' | 'unready'

export interface WriteMode {
  /** Whether it waits for accounts that others hold. */
  patient: boolean
  /** Whether an earlier try may have been kept. */
  repeated: boolean
}

export interface LaneOptions<Item, Answer> {
  /** Whose item it is: accounts are held one by one. */
  accountOf(item: Item): string
  /** One call for all of them, committed when it answers, with one verdict for each. */
  write(items: Item[], mode: WriteMode): Promise<Verdict<Answer>[]>
  /** Makes accounts ready to be written to. */
  makeReady(accounts: string[]): Promise<void>
  /** Told of each batch, with what its oldest item has waited in all. */
  written?(batch: { items: number; seconds: number; oldestSeconds: number }): void
  lanes?: number
  batchSize?: number
}

/** What waits in this process at the most, and what of one account. */
const mostWaiting = 20_000
const mostWaitingOfAccount = 10_000
const patientAtOnce = 2

interface Waiting<Item, Answer> {
  item: Item
  /** Whether an earlier try of it may have been kept. */
  repeated: boolean
  account: string
  since: number
  answer(answer: Answer): void
  refuse(error: unknown): void
}

export interface Lanes<Item, Answer> {
  /** Answers when the item is kept. Throws `service.overloaded`, after which the same may be tried again, as `repeated`. */
  write(item: Item, given?: { repeated: boolean }): Promise<Answer>
  /** How many wait. */
  readonly size: number
  /** Lets in nothing more, and ends when all that waits is answered. */
  close(): Promise<void>
}

/**
 * Group commit: what comes while a batch is being written is the next batch, so that nothing waits for a timer, and what
 * a busy account needs is written once for many items. An account is always in the same lane. Those that another process
 * holds are left to a few who wait, one account each, so that they stall nobody else.
 */
export function createLanes<Item, Answer>(options: LaneOptions<Item, Answer>): Lanes<Item, Answer> {
  type Entry = Waiting<Item, Answer>
  const { lanes: laneCount = 2, batchSize = 500 } = options
  const lanes = Array.from({ length: laneCount }, () => ({ queue: createFairQueue<Entry>(), running: false }))
  const patient = new Map<string, Entry[]>()
  const working = new Set<Promise<void>>()
  const state = { patientRunning: 0, waiting: 0, closed: false }
  const flush = createFlush<Item, Answer>(options, {
    settled: () => {
      state.waiting -= 1
    },
    waitForAccount: (entry) => {
      const others = patient.get(entry.account)
      if (others) others.push(entry)
      else patient.set(entry.account, [entry])
      if (state.patientRunning < patientAtOnce) keep(runPatient())
    },
  })

  function keep(work: Promise<void>): void {
    const kept = work.finally(() => working.delete(kept))
    working.add(kept)
  }

  async function runLane(lane: (typeof lanes)[number]): Promise<void> {
    while (lane.queue.size > 0) await flush(lane.queue.take(batchSize), false)
    lane.running = false
  }

  async function runPatient(): Promise<void> {
    state.patientRunning += 1
    for (let [next] = patient; next !== undefined; [next] = patient) {
      const [account, entries] = next
      patient.delete(account)
      await flush(entries.splice(0, batchSize), true)
      if (entries.length > 0) patient.set(account, [...entries, ...(patient.get(account) ?? [])])
    }
    state.patientRunning -= 1
  }

  return {
    get size() {
      return state.waiting
    },
    write: (item, { repeated = false } = { repeated: false }) =>
      new Promise((answer, refuse) => {
        const account = options.accountOf(item)
        const lane = lanes[laneOf(account, laneCount)] as (typeof lanes)[number]
        if (state.closed || state.waiting >= mostWaiting || lane.queue.sizeOf(account) >= mostWaitingOfAccount) {
          refuse(serviceErrors.overloaded({ retryAfterSeconds: 1 }))
          return
        }
        state.waiting += 1
        lane.queue.add(account, { item, repeated, account, since: performance.now(), answer, refuse })
        if (lane.running) return
        lane.running = true
        // What the same turn of the event loop brings belongs together.
        keep(Promise.resolve().then(() => runLane(lane)))
      }),
    close: async () => {
      state.closed = true
      while (working.size > 0) await Promise.all(working)
    },
  }
}

interface Surroundings<Entry> {
  settled(): void
  waitForAccount(entry: Entry): void
}

/** Writes one batch until all of it is answered, or left to those who wait. */
function createFlush<Item, Answer>(
  { write, makeReady, written }: LaneOptions<Item, Answer>,
  { settled, waitForAccount }: Surroundings<Waiting<Item, Answer>>,
) {
  type Entry = Waiting<Item, Answer>

  async function flush(batch: Entry[], patient: boolean): Promise<void> {
    let verdicts: Verdict<Answer>[]
    const started = performance.now()
    try {
      const repeated = batch.some((entry) => entry.repeated)
      verdicts = await write(
        batch.map(({ item }) => item),
        { patient, repeated },
      )
    } catch (error) {
      return recover(batch, patient, error)
    }
    const [{ since } = { since: started }] = batch
    written?.({ items: batch.length, seconds: secondsSince(started), oldestSeconds: secondsSince(since) })
    const unready: Entry[] = []
    for (const [index, entry] of batch.entries()) {
      const verdict = verdicts[index] as Verdict<Answer>
      if (verdict === 'unready') unready.push(entry)
      else if (verdict === 'busy') waitForAccount(entry)
      else {
        settled()
        entry.answer(verdict.answer)
      }
    }
    if (unready.length > 0) await ready(unready, patient)
  }

  async function ready(batch: Entry[], patient: boolean): Promise<void> {
    const inTime = giveUpLate(batch)
    if (inTime.length === 0) return
    try {
      await makeReady([...new Set(inTime.map(({ account }) => account))])
    } catch (error) {
      return recover(inTime, patient, error)
    }
    await flush(inTime, patient)
  }

  /** What fails for all of a batch is tried in halves, until the one it fails for is alone. */
  async function recover(batch: Entry[], patient: boolean, error: unknown): Promise<void> {
    if (isTransient(error)) {
      await delay(retryMilliseconds)
      const inTime = giveUpLate(batch)
      // Whether it was kept is known to the database alone.
      for (const entry of inTime) entry.repeated = true
      if (inTime.length > 0) await flush(inTime, patient)
      return
    }
    const [only, second] = batch
    if (only && !second) {
      settled()
      only.refuse(error)
      return
    }
    const half = Math.ceil(batch.length / 2)
    await flush(batch.slice(0, half), patient)
    await flush(batch.slice(half), patient)
  }

  function giveUpLate(batch: Entry[]): Entry[] {
    const oldest = performance.now() - patienceMilliseconds
    return batch.filter((entry) => {
      if (entry.since >= oldest) return true
      settled()
      entry.refuse(serviceErrors.overloaded({ retryAfterSeconds: 1 }))
      return false
    })
  }

  return flush
}

const secondsSince = (start: number) => (performance.now() - start) / 1_000

/** The last digits of an id are random. */
const laneOf = (account: string, lanes: number) => Number.parseInt(account.slice(-4), 16) % lanes
