import { expect, test } from 'vitest'
import { systemClock } from '../context/clock.ts'
import { testFailureBlock } from './failure-block.fixture.ts'
import { createFailureBlock } from './failure-block.ts'

testFailureBlock(async (clock) => createFailureBlock({ clock }))

test('many addresses push out the one that was quiet longest', async () => {
  const block = createFailureBlock({ clock: systemClock, maxSubjects: 3 })
  for (let failure = 0; failure < 10; failure++) await block.recordFailure('192.0.2.1')
  for (const host of [2, 3, 4]) await block.recordFailure(`192.0.2.${host}`)
  expect(block.blockedSeconds('192.0.2.1')).toBe(0)
})
