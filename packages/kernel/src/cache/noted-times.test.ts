import { expect, test } from 'vitest'
import { createLogger } from '../observability/logger.ts'
import { createNotedTimes, type NotedTimesOptions } from './noted-times.ts'

let now = new Date('2026-03-16T12:00:00Z')
const pass = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1_000)
}

function noting(options: Partial<NotedTimesOptions> = {}) {
  const written: string[][] = []
  const write: NotedTimesOptions['write'] = async (times) => void written.push(times.map(({ id }) => id))
  const clock = { now: () => now }
  const logger = createLogger({ level: 'silent' })
  return { written, ...createNotedTimes({ clock, logger, mostNoted: 10, write, ...options }) }
}

test('what happens many times is written once, and with all else that happened', async () => {
  const { note, flush, written } = noting()
  for (const id of ['ada', 'bob', 'ada', 'ada']) note(id)
  expect(written).toEqual([])
  await flush()
  await flush()
  expect(written).toEqual([['ada', 'bob']])
})

test('what was noted rests as long as it is told to', async () => {
  const { note, flush, written } = noting({ restMilliseconds: 300_000 })
  for (const seconds of [0, 299, 1]) {
    pass(seconds)
    note('ada')
    await flush()
  }
  expect(written).toEqual([['ada'], ['ada']])
})

test('memory is bounded: when as many wait as may, they are written before the minute is over', async () => {
  const { note, flush, written } = noting({ mostNoted: 3 })
  for (const id of ['1', '2', '3', '4']) note(id)
  expect(written).toEqual([['1', '2', '3']])
  await flush()
  expect(written).toEqual([['1', '2', '3'], ['4']])
})

test('where it cannot be written it costs no call, and the next time is noted again', async () => {
  let tries = 0
  const write = async () => {
    tries += 1
    throw new Error('gone')
  }
  const { note, flush } = noting({ write, restMilliseconds: 300_000 })
  for (let round = 0; round < 2; round++) {
    note('ada')
    await expect(flush()).resolves.toBeUndefined()
  }
  expect(tries).toBe(2)
})
