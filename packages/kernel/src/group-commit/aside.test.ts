import { expect, test } from 'vitest'
import { createLogger } from '../observability/logger.ts'
import { createAside } from './aside.ts'

const silent = createLogger({ level: 'silent' })

/** Each run of it ends when it is let go. */
function createGate() {
  const runs: PromiseWithResolvers<void>[] = []
  const task = async () => {
    const run = Promise.withResolvers<void>()
    runs.push(run)
    await run.promise
  }
  return { task, runs }
}
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('what is asked for again and again runs once more, not as often as it was asked for', async () => {
  const aside = createAside(silent)
  const { task, runs } = createGate()
  for (let n = 0; n < 5; n++) aside.run('cache', task)
  await settle()
  expect(runs).toHaveLength(1)
  for (let n = 0; n < 5; n++) aside.run('cache', task)
  runs[0]?.resolve()
  await settle()
  expect(runs).toHaveLength(2)
  runs[1]?.resolve()
  await aside.close()
  expect(runs).toHaveLength(2)
})

test('who waits waits for what it asked for, however often others ask after it', async () => {
  const aside = createAside(silent)
  const { task, runs } = createGate()
  aside.run('cache', task)
  await settle()
  aside.run('cache', task)
  let isDone = false
  const waiting = aside.idle('cache').then(() => {
    isDone = true
  })
  runs[0]?.resolve()
  await settle()
  aside.run('cache', task)
  expect(isDone).toBe(false)
  runs[1]?.resolve()
  await waiting
  await settle()
  expect(runs).toHaveLength(3)
  runs[2]?.resolve()
  await aside.close()
})

test('one that fails leaves the next to run, and nobody waiting', async () => {
  const aside = createAside(silent)
  aside.run('cache', () => Promise.reject(new Error('gone')))
  await aside.idle('cache')
  let ran = false
  aside.run('cache', async () => {
    ran = true
  })
  await aside.idle('cache')
  expect(ran).toBe(true)
  await aside.idle('nothing')
})
