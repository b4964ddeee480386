import { expect, test } from 'vitest'
import { createPulse } from './pulse.ts'

function openPulse() {
  const state = { now: 10_000 }
  const pulse = createPulse(() => state.now)
  return { pulse, state, beat: () => pulse.returned(state.now) }
}

test('nothing is known before the first beat has come back, which then says so', () => {
  const { pulse, beat } = openPulse()
  expect([pulse.isCurrent(), pulse.isUp()]).toEqual([false, false])
  expect(beat()).toEqual({ recovered: true, up: true })
  expect([pulse.isCurrent(), pulse.isUp()]).toEqual([true, true])
  expect(beat()).toEqual({ recovered: false, up: false })
})

test('a beat speaks for less than a second from when it was sent, however late it comes back', () => {
  const { pulse, state } = openPulse()
  state.now = 10_899
  pulse.returned(10_000)
  expect(pulse.isCurrent()).toBe(true)
  state.now = 10_900
  expect(pulse.isCurrent()).toBe(false)
  expect(pulse.returned(10_000)).toEqual({ recovered: false, up: false })
})

test('a pause in which messages may have gone missing is told of, even where the connection outlived it', () => {
  const { state, beat } = openPulse()
  beat()
  state.now += 900
  expect(beat()).toEqual({ recovered: true, up: true })
})

test('after a lost connection messages may be missing at once', () => {
  const { pulse, beat } = openPulse()
  beat()
  pulse.lost()
  expect([pulse.isCurrent(), pulse.isUp()]).toEqual([false, false])
  expect(beat()).toEqual({ recovered: true, up: true })
})

test('after a failed command nothing is tried until a beat sent later is back; messages are trusted meanwhile', () => {
  const { pulse, state, beat } = openPulse()
  beat()
  const before = state.now
  state.now += 100
  pulse.failed()
  expect([pulse.isCurrent(), pulse.isUp()]).toEqual([true, false])
  expect(pulse.returned(before + 50)).toEqual({ recovered: false, up: false })
  state.now += 100
  expect(beat()).toEqual({ recovered: false, up: true })
})
