import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { createTestClock } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock })
})
beforeEach(() => clock.set('2026-11-21T10:00:00Z'))
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const refusedIn = (path: string) => ({ code: 'request.invalid', details: { issues: [{ path }] } })

/** What was used of a meter on some days. */
async function used(days: Record<string, number>, metric = 'tokens') {
  const entered = await installation.enter({ plan: 'enterprise' })
  for (const [day, amount] of Object.entries(days))
    await entered.caller.usage.track({ ...current, metric, amount, occurredAt: `${day}T09:00:00Z` })
  return entered
}

test('days are told in order, and those without usage are 0', async () => {
  const { caller } = await used({ '2026-11-18': 5, '2026-11-20': 7 })
  await caller.usage.track({ ...current, metric: 'tokens', amount: 2, occurredAt: '2026-11-20T13:00:00Z' })
  const question = { ...current, from: '2026-11-17', to: '2026-11-20', metric: ['tokens', 'storage', 'tokens'] }
  const nothing = { used: 0, events: 0 }
  expect(await caller.usage.trends(question)).toEqual({
    from: '2026-11-17',
    to: '2026-11-20',
    granularity: 'day',
    series: [
      {
        metric: 'tokens',
        unit: 'tokens',
        points: [
          { start: '2026-11-17', ...nothing },
          { start: '2026-11-18', used: 5, events: 1 },
          { start: '2026-11-19', ...nothing },
          { start: '2026-11-20', used: 9, events: 2 },
        ],
      },
      {
        metric: 'storage',
        unit: expect.any(String),
        points: ['2026-11-17', '2026-11-18', '2026-11-19', '2026-11-20'].map((start) => ({ start, ...nothing })),
      },
    ],
  })
})

test('weeks begin on Monday, and of the first and the last only the days asked for count', async () => {
  const { caller } = await used({
    '2026-11-13': 1,
    '2026-11-15': 2,
    '2026-11-16': 4,
    '2026-11-20': 8,
    '2026-11-21': 16,
  })
  const { series } = await caller.usage.trends({
    ...current,
    from: '2026-11-14',
    to: '2026-11-20',
    granularity: 'week',
    metric: ['tokens'],
  })
  expect(series[0]?.points).toEqual([
    { start: '2026-11-09', used: 2, events: 1 },
    { start: '2026-11-16', used: 12, events: 2 },
  ])
})

test('months are those of the calendar', async () => {
  const { caller } = await used({ '2026-10-31': 1, '2026-11-01': 2, '2026-11-21': 4 })
  const { series } = await caller.usage.trends({
    ...current,
    from: '2026-09-30',
    to: '2026-11-30',
    granularity: 'month',
    metric: ['tokens'],
  })
  expect(series[0]?.points.map(({ start, used }) => [start, used])).toEqual([
    ['2026-09-01', 0],
    ['2026-10-01', 1],
    ['2026-11-01', 6],
  ])
})

test('without a question they are the last thirty days of the tenant, of all that is reported', async () => {
  const { caller } = await installation.enter({ timezone: 'Pacific/Auckland' })
  clock.set('2026-11-21T11:00:00Z')
  await caller.usage.track({ ...current, metric: 'tokens', amount: 3 })
  const { from, to, series } = await caller.usage.trends(current)
  expect([from, to]).toEqual(['2026-10-24', '2026-11-22'])
  const tokens = series.find(({ metric }) => metric === 'tokens')
  expect(tokens?.points).toHaveLength(30)
  expect(tokens?.points.at(-1)).toEqual({ start: '2026-11-22', used: 3, events: 1 })
  const metrics = series.map(({ metric }) => metric)
  expect(metrics).toContain('storage')
  for (const never of ['users', 'teams', 'concurrent_pipelines']) expect(metrics).not.toContain(never)
})

test('usage of others is not among them, not for operators either', async () => {
  await used({ '2026-11-20': 7 })
  const { tenant } = await installation.enter()
  const { series } = await installation.callerAs(operator, tenant.id).usage.trends({ ...current, metric: ['tokens'] })
  expect(series[0]?.points.every(({ used, events }) => used === 0 && events === 0)).toBe(true)
})

test('as many as 400 days may be asked for, in their order, and meters that days are kept of', async () => {
  const { caller } = await installation.enter()
  const trends = (question: { from?: string; to?: string; metric?: string[] }) =>
    caller.usage.trends({ ...current, metric: ['tokens'], ...question })
  const { series } = await trends({ from: '2025-10-18', to: '2026-11-21' })
  expect(series[0]?.points).toHaveLength(400)
  await expect(trends({ from: '2025-10-17', to: '2026-11-21' })).rejects.toMatchObject(refusedIn('from'))
  await expect(trends({ from: '2026-11-21', to: '2026-11-20' })).rejects.toMatchObject(refusedIn('to'))
  await expect(trends({ from: '2026-02-29' })).rejects.toMatchObject(refusedIn('from'))
  await expect(trends({ metric: ['users'] })).rejects.toMatchObject(refusedIn('metric'))
  await expect(trends({ metric: ['minutes'] })).rejects.toMatchObject({ code: 'usage.unknown_meter' })
})
