import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { loseRuns } from '../../jobs.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { createTestClock, usageRows } from '../usage/service.fixture.ts'
import { createRunModel, type RunModel } from './run-model.fixture.ts'
import { current, enterLimited, start, usageOf } from './service.fixture.ts'

const begin = Date.parse('2026-11-02T10:00:00Z')
const clock = createTestClock(new Date(begin).toISOString())
const plays = inject('soak') ? 300 : 12

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
afterAll(() => installation.close())

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('start' as const),
      key: fc.option(fc.constantFrom('a', 'b', 'c')),
      leaseSeconds: fc.constantFrom(10, 60, 300),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('heartbeat' as const), run: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('complete' as const),
      run: fc.nat(20),
      outcome: fc.constantFrom('succeeded' as const, 'failed' as const, 'cancelled' as const, 'not_started' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(1, 9, 10, 59, 60, 400) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tidy' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

/** What was answered to a step, once by the model and once by the operations. */
async function play(one: Step, model: RunModel, caller: InternalCaller, ids: string[]): Promise<[string, string]> {
  const refusalOf = (error: { code: string; details: { meter?: string } }) =>
    error.code === 'usage.limit_exceeded' ? String(error.details.meter) : error.code
  switch (one.do) {
    case 'start': {
      const expected = model.start(one.key, one.leaseSeconds)
      const input = { leaseSeconds: one.leaseSeconds, ...(one.key === null ? {} : { idempotencyKey: one.key }) }
      const started = await start(caller, input).catch(refusalOf)
      if (typeof started === 'string') return [expected.code, started]
      if (!started.replayed) ids.push(started.id)
      const told = `${started.replayed ? 'replayed' : 'started'} ${ids.indexOf(started.id)}`
      return [`${expected.code} ${expected.run}`, told]
    }
    case 'heartbeat': {
      if (ids.length === 0) return ['', '']
      const run = one.run % ids.length
      const told = caller.runs.heartbeat({ ...current, runId: ids[run] as string }).then(({ state }) => state)
      return [model.heartbeat(run), await told.catch(refusalOf)]
    }
    case 'complete': {
      if (ids.length === 0) return ['', '']
      const [run, { outcome }] = [one.run % ids.length, one]
      const told = caller.runs.complete({ ...current, runId: ids[run] as string, outcome }).then(({ state }) => state)
      return [model.complete(run, outcome), await told.catch(refusalOf)]
    }
    case 'pass':
      model.pass(one.seconds)
      clock.set(new Date(clock.now().getTime() + one.seconds * 1_000).toISOString())
      return ['', '']
    case 'tidy':
      await loseRuns(installation.dependencies)
      return ['', '']
  }
}

test('whatever is started, renewed, completed, left and tidied up, runs and slots are as a model has them', {
  timeout: 60_000 + plays * 3_000,
  tags: 'soak',
}, async () => {
  const limits = { runs: 9, slots: 2 }
  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 35 }), async (steps) => {
    clock.set(new Date(begin).toISOString())
    const { tenant, caller } = await enterLimited(installation, limits)
    const model = createRunModel(limits)
    const ids: string[] = []
    for (const one of steps) {
      const [expected, told] = await play(one, model, caller, ids)
      expect({ ...one, answer: told }).toEqual({ ...one, answer: expected })
      const { used, held } = model.seen()
      expect(held).toBeLessThanOrEqual(limits.slots)
      expect(await usageOf(caller)).toMatchObject({ runs: { used }, slots: { used: held } })
    }
    const { used, states, totals } = model.seen()
    const listed = await caller.runs.list(current)
    expect(listed.totals).toEqual(totals)
    expect(listed.items.map(({ state }) => state).toReversed()).toEqual(states)
    const { events } = await usageRows(installation, tenant.id)
    expect(events.reduce((sum, { amount }) => sum + amount, 0)).toBe(used)
  })
  await fc.assert(property, { numRuns: plays })
})
