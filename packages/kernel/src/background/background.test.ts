import { expect, test } from 'vitest'
import { createBackground } from './background.ts'

const blocked = () => Promise.withResolvers<void>()

test('what is started begins after whoever started it has gone on, and settles when all of it is done', async () => {
  const background = createBackground()
  const { promise, resolve } = blocked()
  const seen: string[] = []
  void background.start(async () => {
    seen.push('begun')
    await promise
    seen.push('done')
  })
  expect(seen).toEqual([])
  const settled = background.settled().then(() => seen.push('settled'))
  await expect.poll(() => seen).toEqual(['begun'])
  resolve()
  await settled
  expect(seen).toEqual(['begun', 'done', 'settled'])
})

test('a few run at a time, and what they start is waited for too', async () => {
  const background = createBackground()
  let [running, most, done] = [0, 0, 0]
  const work = async () => {
    running += 1
    most = Math.max(most, running)
    await new Promise(setImmediate)
    running -= 1
    done += 1
    if (done <= 5) void background.start(work)
  }
  for (let each = 0; each < 20; each++) void background.start(work)
  await background.settled()
  expect({ most, done }).toEqual({ most: 4, done: 25 })
})

test('with nothing to do it is settled at once', async () => {
  await createBackground().settled()
})

test('nothing is dropped where more comes than can be done: who brings it is held up', async () => {
  const background = createBackground()
  const { promise, resolve } = blocked()
  let [done, held] = [0, 0]
  const work = async () => {
    await promise
    done += 1
  }
  const start = async () => {
    let isHeld = true
    setImmediate(() => {
      if (isHeld) held += 1
    })
    await background.start(work)
    isHeld = false
  }
  const started = Promise.all(Array.from({ length: 1_100 }, start))
  await expect.poll(() => held).toBeGreaterThan(90)
  expect(done).toBe(0)
  resolve()
  await started
  await background.settled()
  expect(done).toBe(1_100)
})
