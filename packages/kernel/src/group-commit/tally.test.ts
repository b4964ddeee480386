import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogger } from '../observability/logger.ts'
import { createTally } from './tally.ts'

interface Item {
  account: string
  counted: number
  since: Date
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const [one, other] = [{ id: 'one' }, { id: 'other' }]

/** Writes into `written`, and fails as often as it is told to. */
function openTally() {
  const state = {
    failures: 0,
    written: [] as Item[],
    tried: [] as Item[],
    gate: Promise.resolve(),
    held: null as string | null,
  }
  const logger = createLogger({ level: 'silent' })
  const tally = createTally<{ id: string }, Item>({
    clock: { now: () => new Date() },
    logger,
    periodOf: (_, at) => at.toISOString().slice(0, 10),
    itemOf: ({ id }, counted, since) => (id === 'uncounted' ? null : { account: id, counted, since }),
    write: async (item) => {
      state.tried.push(item)
      if (state.held === null || state.held === item.account) await state.gate
      if (state.failures-- > 0) throw new Error('gone')
      state.written.push(item)
    },
    flushMilliseconds: 1_000,
  })
  const count = (account: { id: string }, times: number) => {
    for (let call = 0; call < times; call += 1) tally.count(account)
  }
  const writtenOf = ({ id }: { id: string }) =>
    state.written.flatMap((item) => (item.account === id ? item.counted : []))
  return { tally, state, count, writtenOf, logger }
}

test('what an account counted in a second is one write, dated by the first', async () => {
  const { tally, state, count } = openTally()
  const startedAt = new Date()
  count(one, 3)
  await vi.advanceTimersByTimeAsync(500)
  count(one, 4)
  count(other, 1)
  expect(tally.unwritten(one)).toEqual({ waiting: 7, sent: 0 })
  await vi.advanceTimersByTimeAsync(500)
  expect(state.written).toEqual([
    { account: 'one', counted: 7, since: startedAt },
    { account: 'other', counted: 1, since: new Date(startedAt.getTime() + 500) },
  ])
  expect(tally.unwritten(one)).toEqual({ waiting: 0, sent: 0 })
  expect(vi.getTimerCount()).toBe(0)
})

test('what is counted while a write is under way is the next one', async () => {
  const { tally, state, count, writtenOf } = openTally()
  const { promise, resolve } = Promise.withResolvers<void>()
  state.gate = promise
  count(one, 2)
  await vi.advanceTimersByTimeAsync(1_000)
  count(one, 5)
  expect(tally.unwritten(one)).toEqual({ waiting: 5, sent: 2 })
  resolve()
  await vi.advanceTimersByTimeAsync(1_000)
  expect(writtenOf(one)).toEqual([2, 5])
})

test('what could not be written is written again as it was, before anything newer', async () => {
  const { state, count, writtenOf } = openTally()
  state.failures = 2
  count(one, 2)
  await vi.advanceTimersByTimeAsync(1_000)
  count(one, 3)
  await vi.advanceTimersByTimeAsync(3_000)
  expect(writtenOf(one)).toEqual([2, 3])
  expect(new Set(state.tried.slice(0, 3))).toEqual(new Set([state.written[0]]))
})

test('what could not be written of many accounts is one line of the log', async () => {
  const { state, count, logger } = openTally()
  const told = vi.spyOn(logger, 'warn')
  state.failures = 2
  count(one, 2)
  count(other, 1)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(state.written).toHaveLength(2)
  expect(told).toHaveBeenCalledExactlyOnceWith({ err: new Error('gone'), accounts: 2 }, expect.any(String))
})

test('the end waits for a write under way, and writes the rest once', async () => {
  const { tally, state, count, writtenOf } = openTally()
  const { promise, resolve } = Promise.withResolvers<void>()
  state.gate = promise
  count(one, 2)
  await vi.advanceTimersByTimeAsync(1_000)
  count(one, 1)
  count(other, 4)
  const closed = tally.close()
  resolve()
  await closed
  expect([writtenOf(one), writtenOf(other)]).toEqual([[2, 1], [4]])
  expect(vi.getTimerCount()).toBe(0)
})

test('the end tries again once, and then ends all the same', async () => {
  const { tally, state, count, writtenOf } = openTally()
  state.failures = 1
  count(one, 2)
  await tally.close()
  expect(writtenOf(one)).toEqual([2])

  state.failures = 100
  count(one, 2)
  await tally.close()
  expect(tally.unwritten(one)).toEqual({ waiting: 0, sent: 2 })
  expect(vi.getTimerCount()).toBe(0)
})

test('the end waits for some seconds and no longer, whatever hangs, and tells the log how much is lost', async () => {
  const { tally, state, count, logger } = openTally()
  const told = vi.spyOn(logger, 'error')
  state.gate = new Promise(() => undefined)
  count(one, 2)
  count(other, 1)
  const closed = tally.close()
  await vi.advanceTimersByTimeAsync(7_000)
  await closed
  expect(told).toHaveBeenCalledExactlyOnceWith({ lost: 3 }, expect.any(String))
  expect(vi.getTimerCount()).toBe(0)
})

test('an account of which nothing is to be written is forgotten', async () => {
  const { tally, state, count } = openTally()
  count({ id: 'uncounted' }, 2)
  await tally.flush()
  expect([state.tried, tally.unwritten({ id: 'uncounted' })]).toEqual([[], { waiting: 0, sent: 0 }])
})

test('an account that is held holds up no other', async () => {
  const { state, count, writtenOf } = openTally()
  const { promise, resolve } = Promise.withResolvers<void>()
  Object.assign(state, { gate: promise, held: 'one' })
  count(one, 2)
  for (let second = 1; second <= 3; second += 1) {
    count(other, second)
    await vi.advanceTimersByTimeAsync(1_000)
  }
  expect([writtenOf(one), writtenOf(other)]).toEqual([[], [1, 2, 3]])
  resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect(writtenOf(one)).toEqual([2])
})

test('what is counted on another day is an item of its own, however long the first could not be written', async () => {
  vi.setSystemTime('2026-11-21T23:59:58.500Z')
  const { tally, state, count } = openTally()
  state.failures = 2
  count(one, 2)
  await vi.advanceTimersByTimeAsync(1_000)
  count(one, 3)
  await vi.advanceTimersByTimeAsync(500)
  count(one, 4)
  expect(tally.unwritten(one)).toEqual({ waiting: 4, sent: 0 })
  await tally.close()
  expect(state.written).toEqual([
    { account: 'one', counted: 2, since: new Date('2026-11-21T23:59:58.500Z') },
    { account: 'one', counted: 3, since: new Date('2026-11-21T23:59:59.500Z') },
    { account: 'one', counted: 4, since: new Date('2026-11-22T00:00:00.000Z') },
  ])
})
