import { serviceErrors } from '../contract/errors.ts'
import { createFairQueue } from './fair-queue.ts'
import { createFlush, type Waiting } from './flush.ts'
import { createPreparation } from './preparation.ts'

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
  /** Makes accounts ready to be written to; those that others hold it may leave. */
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

export interface Lanes<Item, Answer> {
  /** Answers when the item is kept. Throws `service.overloaded`, after which the same may be tried again, as `repeated`. */
  write(item: Item, given?: { repeated: boolean }): Promise<Answer>
  /** How many wait. */
  readonly size: number
  /** Whether nothing more of its account is let in now. */
  isFull(item: Item): boolean
  /** Lets in nothing more, and ends when all that waits is answered. */
  close(): Promise<void>
}

/**
 * Group commit: what comes while a batch is being written is the next batch, so that nothing waits for a timer, and what
 * a busy account needs is written once for many items. An account is always in the same lane. Those that another process
 * holds are left to a few who wait, one account each, and those that must be made ready to another, so that they stall
 * nobody else.
 */
export function createLanes<Item, Answer>(options: LaneOptions<Item, Answer>): Lanes<Item, Answer> {
  type Entry = Waiting<Item, Answer>
  const { lanes: laneCount = 2, batchSize = 500 } = options
  const lanes = Array.from({ length: laneCount }, () => ({ queue: createFairQueue<Entry>(), running: false }))
  const working = new Set<Promise<void>>()
  const counts = new Map<string, number>()
  const state = { waiting: 0, closed: false }

  function count(account: string, change: 1 | -1): void {
    state.waiting += change
    const left = (counts.get(account) ?? 0) + change
    if (left === 0) counts.delete(account)
    else counts.set(account, left)
  }

  const surroundings = {
    settled: ({ account }: Entry) => count(account, -1),
    waitForAccount: (entry: Entry) => patient.add(entry),
    waitUntilReady: (entry: Entry) => preparation.add(entry),
  }
  const flush = createFlush<Item, Answer>(options, surroundings)
  const patient = createPatience<Entry>((entries) => flush(entries, true), { batchSize, keep })
  const preparation = createPreparation<Entry>(options, { batchSize, keep, enqueue, settled: surroundings.settled })

  function keep(work: Promise<void>): void {
    const kept = work.finally(() => working.delete(kept))
    working.add(kept)
  }

  async function runLane(lane: (typeof lanes)[number]): Promise<void> {
    while (lane.queue.size > 0) await flush(lane.queue.take(batchSize), false)
    lane.running = false
  }

  function enqueue(entry: Entry): void {
    const lane = lanes[laneOf(entry.account, laneCount)] as (typeof lanes)[number]
    lane.queue.add(entry.account, entry)
    if (lane.running) return
    lane.running = true
    // What the same turn of the event loop brings belongs together.
    keep(Promise.resolve().then(() => runLane(lane)))
  }

  const isFull = (account: string) => state.waiting >= mostWaiting || (counts.get(account) ?? 0) >= mostWaitingOfAccount

  return {
    get size() {
      return state.waiting
    },
    isFull: (item) => isFull(options.accountOf(item)),
    write: (item, { repeated = false } = { repeated: false }) =>
      new Promise((answer, refuse) => {
        const account = options.accountOf(item)
        if (state.closed || isFull(account)) {
          refuse(serviceErrors.overloaded({ retryAfterSeconds: 1 }))
          return
        }
        count(account, 1)
        enqueue({ item, repeated, account, since: performance.now(), answer, refuse })
      }),
    close: async () => {
      state.closed = true
      while (working.size > 0) await Promise.all(working)
    },
  }
}

/** Those that wait for an account that others hold: of each account one batch at a time, and of few accounts. */
function createPatience<Entry extends { account: string }>(
  flush: (entries: Entry[]) => Promise<void>,
  { batchSize, keep }: { batchSize: number; keep(work: Promise<void>): void },
) {
  const waiting = new Map<string, Entry[]>()
  const held = new Set<string>()

  async function run(): Promise<void> {
    for (let next = nextAccount(); next !== undefined; next = nextAccount()) {
      held.add(next)
      const entries = waiting.get(next) ?? []
      // Who was tried goes to the end of the line.
      waiting.delete(next)
      waiting.set(next, entries)
      await flush(entries.splice(0, batchSize))
      held.delete(next)
      if (entries.length === 0) waiting.delete(next)
    }
  }
  const nextAccount = () => [...waiting.keys()].find((account) => !held.has(account))

  return {
    add: (entry: Entry) => {
      const others = waiting.get(entry.account)
      if (others) others.push(entry)
      else waiting.set(entry.account, [entry])
      if (held.size < patientAtOnce && !held.has(entry.account)) keep(run())
    },
  }
}

/** The last digits of an id are random. */
const laneOf = (account: string, lanes: number) => Number.parseInt(account.slice(-4), 16) % lanes
