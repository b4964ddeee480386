import type { Clock } from '../context/clock.ts'
import type { Dependencies } from '../context/dependencies.ts'

export interface TallyOptions<Account, Item> {
  clock: Clock
  logger: Dependencies['logger']
  /** What is written of so many, the first of which was counted then; null where nothing is to be. */
  itemOf(account: Account, counted: number, since: Date): Item | null
  /** Called again with the same item where it throws: an item must count once however often it is written. */
  write(item: Item): Promise<void>
  flushMilliseconds?: number
}

export interface Tally<Account> {
  count(account: Account): void
  /** What was counted and not written: what no item stands for yet, and what is on its way. */
  unwritten(accountId: string): { waiting: number; sent: number }
  /** Writes what was counted until now. */
  flush(): Promise<void>
  /** The last flush, tried twice. What is lost then is logged. */
  close(): Promise<void>
}

interface Sum<Account, Item> {
  /** As it was last counted for. */
  account: Account
  waiting: number
  since: Date
  /** On its way, the same one until it is written. */
  item: Item | null
  sent: number
}

/** What else is written at the same time finds room beside them. */
const accountsAtOnce = 500

/** Counts in this process and holds nobody up; an account costs one write for each flush, however much it was counted. */
export function createTally<Account extends { id: string }, Item>(
  options: TallyOptions<Account, Item>,
): Tally<Account> {
  const { clock, flushMilliseconds = 1_000 } = options
  const sums = new Map<string, Sum<Account, Item>>()
  let timer: NodeJS.Timeout | undefined
  let flushing = Promise.resolve()

  const schedule = () => {
    timer ??= setTimeout(() => void flush(), flushMilliseconds).unref()
  }

  async function flushAll(): Promise<void> {
    const all = [...sums.values()]
    for (let first = 0; first < all.length; first += accountsAtOnce) {
      await Promise.all(all.slice(first, first + accountsAtOnce).map((sum) => bring(sum, options)))
    }
    for (const { account, waiting, item } of all) if (waiting === 0 && item === null) sums.delete(account.id)
    if (sums.size > 0) schedule()
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    flushing = flushing.then(flushAll)
    return flushing
  }

  return {
    count: (account) => {
      const sum = sums.get(account.id) ?? { account, waiting: 0, since: clock.now(), item: null, sent: 0 }
      if (sum.waiting === 0) sum.since = clock.now()
      sum.account = account
      sum.waiting += 1
      sums.set(account.id, sum)
      schedule()
    },
    unwritten: (accountId) => {
      const { waiting = 0, sent = 0 } = sums.get(accountId) ?? {}
      return { waiting, sent }
    },
    flush,
    close: async () => {
      await flush()
      if (sums.size > 0) await flush()
      clearTimeout(timer)
      const lost = [...sums.values()].reduce((total, { waiting, sent }) => total + waiting + sent, 0)
      if (lost > 0) options.logger.error({ lost }, 'what was counted could not be written before the end')
    },
  }
}

async function bring<Account, Item>(
  sum: Sum<Account, Item>,
  { itemOf, write, logger }: TallyOptions<Account, Item>,
): Promise<void> {
  if (sum.item === null && sum.waiting > 0) {
    sum.item = itemOf(sum.account, sum.waiting, sum.since)
    sum.sent = sum.item === null ? 0 : sum.waiting
    sum.waiting = 0
  }
  if (sum.item === null) return
  try {
    await write(sum.item)
    sum.item = null
    sum.sent = 0
  } catch (error) {
    logger.warn({ err: error }, 'what was counted waits to be written')
  }
}
