import { expect, test, vi } from 'vitest'
import { serviceErrors } from '../contract/errors.ts'
import { createLogger } from '../observability/logger.ts'
import { createDeferral } from './deferral.ts'

interface Item {
  account: string
  amount: number
}

/** What is written counts; accounts that are shut cannot be. */
function createLedger() {
  const shut = new Set<string>()
  const sums = new Map<string, number>()
  const logger = createLogger({ level: 'silent' })
  const deferral = createDeferral<Item, string>({
    accountOf: ({ account }) => account,
    write: async ({ account, amount }) => {
      if (shut.has(account)) throw serviceErrors.overloaded()
      if (account === 'purged') return 'unknown'
      sums.set(account, (sums.get(account) ?? 0) + amount)
      return 'counted'
    },
    defer: (item) => (item.amount > 99 ? null : { answer: 'deferred', later: item }),
    refusalOf: (answer) => (answer === 'counted' ? null : answer),
    logger,
  })
  return { shut, sums, logger, deferral }
}

const times = async (count: number, call: () => Promise<string>) => {
  const answers = await Promise.all(Array.from({ length: count }, call))
  return [...new Set(answers)]
}

test('an account that cannot be written lets none of another be answered untried', async () => {
  const { shut, sums, deferral } = createLedger()
  shut.add('held')
  expect(await deferral.write({ account: 'held', amount: 1 })).toBe('deferred')
  expect(await times(20, () => deferral.write({ account: 'free', amount: 1 }))).toEqual(['counted'])
  expect(sums.get('free')).toBe(20)
  await deferral.close()
})

test('what was deferred is written when its account can be, whatever others still wait', async () => {
  const { shut, sums, deferral } = createLedger()
  shut.add('held').add('soon')
  expect(await times(700, () => deferral.write({ account: 'held', amount: 1 }))).toEqual(['deferred'])
  expect(await times(300, () => deferral.write({ account: 'soon', amount: 1 }))).toEqual(['deferred'])
  shut.delete('soon')
  await expect.poll(() => sums.get('soon'), { timeout: 4_000 }).toBe(300)
  expect(deferral.size).toBe(700)
  expect(await deferral.write({ account: 'soon', amount: 1 })).toBe('counted')
  await deferral.close()
})

test('an account that is full fails, and leaves room for others', async () => {
  const { shut, deferral } = createLedger()
  shut.add('held').add('other')
  await times(5_000, () => deferral.write({ account: 'held', amount: 1 }))
  await expect(deferral.write({ account: 'held', amount: 1 })).rejects.toMatchObject({ code: 'service.overloaded' })
  await expect(deferral.write({ account: 'other', amount: 100 })).rejects.toMatchObject({ code: 'service.overloaded' })
  expect(await deferral.write({ account: 'other', amount: 1 })).toBe('deferred')
  await deferral.close()
})

test('however many accounts have as much as they may, there is room for one that has nothing', async () => {
  const { shut, deferral } = createLedger()
  const greedy = Array.from({ length: 10 }, (_, index) => `greedy ${index}`)
  for (const account of [...greedy, 'other']) shut.add(account)
  for (const account of greedy) {
    const write = () => deferral.write({ account, amount: 1 }).catch(() => 'refused')
    await times(5_000, write)
  }
  expect(await deferral.write({ account: 'other', amount: 1 })).toBe('deferred')
  await deferral.close()
})

test('the end writes what can be written at once, and tells the log how much is lost', async () => {
  const { shut, sums, logger, deferral } = createLedger()
  const told = vi.spyOn(logger, 'error')
  shut.add('held').add('soon')
  await times(3, () => deferral.write({ account: 'held', amount: 1 }))
  await times(300, () => deferral.write({ account: 'soon', amount: 1 }))
  shut.delete('soon')
  const started = performance.now()
  await deferral.close()
  expect(performance.now() - started).toBeLessThan(450)
  expect(sums.get('soon')).toBe(300)
  expect(told).toHaveBeenCalledWith({ count: 3 }, expect.any(String))
  await expect(deferral.write({ account: 'free', amount: 1 })).rejects.toMatchObject({ code: 'service.overloaded' })
})

test('the end leaves nothing behind that would keep the process from ending', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const { shut, deferral } = createLedger()
  const before = timers()
  shut.add('held')
  await times(3, () => deferral.write({ account: 'held', amount: 1 }))
  await deferral.close()
  expect(timers()).toBeLessThanOrEqual(before)
})

test('what is refused when it could be written at last is told to the log', async () => {
  const { shut, logger, deferral } = createLedger()
  const told = vi.spyOn(logger, 'warn')
  shut.add('purged')
  await times(3, () => deferral.write({ account: 'purged', amount: 1 }))
  shut.delete('purged')
  await deferral.close()
  const batches = [1, 2].map((count) => [{ account: 'purged', count, reasons: ['unknown'] }, expect.any(String)])
  expect(told.mock.calls).toEqual(batches)
})
