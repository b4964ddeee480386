import type { Clock } from '../context/clock.ts'
import type { Dependencies } from '../context/dependencies.ts'
import { patienceMilliseconds, waitAtMost } from './patience.ts'
import { createTurns } from './turns.ts'

export interface TallyOptions<Account, Item> {
  clock: Clock
  logger: Dependencies['logger']
  /** What is counted in different ones is never one item. */
  periodOf(account: Account, at: Date): string
  /** What is written of so many, the first of which was counted then; null where nothing is to be. */
  itemOf(account: Account, counted: number, since: Date): Item | null
  /** Called again with the same item where it throws: an item must count once however often it is written. */
  write(item: Item): Promise<void>
  flushMilliseconds?: number
}

export interface Tally<Account> {
  count(account: Account): void
  /** What was counted in this period and not written: what no item stands for yet, and what is on its way. */
  unwritten(account: Account): { waiting: number; sent: number }
  /** Writes what was counted until now. */
  flush(): Promise<void>
  /** The last flush, tried twice, for some seconds. What is lost then is logged. */
  close(): Promise<void>
}

/** Of one period; the account as it was last counted for. */
interface Sum<Account> {
  account: Account
  period: string
  since: Date
  counted: number
}

interface Counted<Account, Item> {
  /** The oldest first. */
  waiting: Sum<Account>[]
  /** On its way, the same item until it is written. */
  sent: (Sum<Account> & { item: Item }) | null
  /** Resolves with why it failed, or null. */
  writing: Promise<unknown> | null
}

/** What else is written at the same time finds room beside them. */
const accountsAtOnce = 500
/** For two tries, each as patient as any. */
const closeMilliseconds = 7_000

/**
 * Counts in this process and holds nobody up; an account costs one write for each flush, however much it was counted, and
 * one that cannot be written holds up no other.
 */
export function createTally<Account extends { id: string }, Item>(
  options: TallyOptions<Account, Item>,
): Tally<Account> {
  const { clock, logger, periodOf, flushMilliseconds = 1_000 } = options
  const accounts = new Map<string, Counted<Account, Item>>()
  const turns = createTurns(accountsAtOnce)
  let timer: NodeJS.Timeout | undefined

  const schedule = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      const idle = [...accounts].filter(([, { writing }]) => writing === null)
      void Promise.all(idle.map(([id, counted]) => bring(id, counted))).then((outcomes) =>
        tellOfFailures(outcomes, logger),
      )
    }, flushMilliseconds).unref()
  }

  function bring(id: string, counted: Counted<Account, Item>): Promise<unknown> {
    counted.writing ??= turns(id, performance.now() + patienceMilliseconds, () => writeAll(counted, options))
      .then(
        () => null,
        (error: unknown) => error,
      )
      .then((failure) => {
        counted.writing = null
        if (counted.waiting.length > 0 || counted.sent !== null) schedule()
        else accounts.delete(id)
        return failure
      })
    return counted.writing
  }

  async function flush(): Promise<void> {
    const unwritten = [...accounts].map(async ([id, counted]) => {
      await counted.writing
      return accounts.get(id) === counted ? bring(id, counted) : null
    })
    tellOfFailures(await Promise.all(unwritten), logger)
  }

  return {
    count: (account) => {
      const counted = accounts.get(account.id) ?? { waiting: [], sent: null, writing: null }
      const now = clock.now()
      const period = periodOf(account, now)
      const last = counted.waiting.at(-1)
      if (last?.period === period) {
        last.account = account
        last.counted += 1
      } else counted.waiting.push({ account, period, since: now, counted: 1 })
      accounts.set(account.id, counted)
      schedule()
    },
    unwritten: (account) => {
      const counted = accounts.get(account.id)
      if (counted === undefined) return { waiting: 0, sent: 0 }
      const { waiting, sent } = counted
      const period = periodOf(account, clock.now())
      const inPeriod = (sums: Sum<Account>[]) => totalOf(sums.filter((sum) => sum.period === period))
      return { waiting: inPeriod(waiting), sent: sent === null ? 0 : inPeriod([sent]) }
    },
    flush,
    close: async () => {
      const tried = flush().then(() => (accounts.size > 0 ? flush() : undefined))
      await waitAtMost(closeMilliseconds, tried)
      clearTimeout(timer)
      timer = undefined
      const left = [...accounts.values()].flatMap(({ waiting, sent }) => (sent === null ? waiting : [sent, ...waiting]))
      if (left.length > 0) logger.error({ lost: totalOf(left) }, 'what was counted could not be written before the end')
    },
  }
}

/** Of many at once, as in an outage, in one line. */
function tellOfFailures(outcomes: unknown[], logger: Dependencies['logger']): void {
  const failures = outcomes.filter((outcome) => outcome !== null)
  if (failures.length === 0) return
  logger.warn({ err: failures[0], accounts: failures.length }, 'what was counted waits to be written')
}

const totalOf = (sums: readonly { counted: number }[]) => sums.reduce((total, { counted }) => total + counted, 0)

/** What was counted when it began: what comes meanwhile is the next one. */
async function writeAll<Account, Item>(
  account: Counted<Account, Item>,
  { itemOf, write }: TallyOptions<Account, Item>,
): Promise<void> {
  for (let left = account.waiting.length; left >= 0; left -= 1) {
    if (account.sent !== null) await write(account.sent.item)
    account.sent = null
    const [sum] = account.waiting
    if (left === 0 || sum === undefined) return
    const item = itemOf(sum.account, sum.counted, sum.since)
    account.waiting.shift()
    account.sent = item === null ? null : { ...sum, item }
  }
}
