import { expect, test } from 'vitest'
import { callPatiently } from './patient-call.ts'

test('what does not become ready is asked for again with pauses', async () => {
  const told = { calls: 0, madeReady: 0 }
  const until = performance.now() + 300
  const answer = await callPatiently({
    call: async () => {
      told.calls += 1
      return performance.now() < until ? 'unready' : { answer: 'counted' }
    },
    makeReady: async () => {
      told.madeReady += 1
    },
  })
  expect(answer).toBe('counted')
  expect(told.calls).toBeLessThan(10)
  expect(told.madeReady).toBe(told.calls - 1)
})
