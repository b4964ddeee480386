import { afterAll, beforeAll, expect, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const conflict = { outcome: 'rejected', code: 'usage.idempotency_conflict' }

async function enter() {
  const { tenant } = await installation.enter({ plan: 'free' })
  return { caller: installation.callerAs({ type: 'service', name: 'product' }, tenant.id) }
}
const event = (idempotencyKey: string, amount: number, metric = 'tokens') => ({ metric, amount, idempotencyKey })
const batch = async (caller: InternalCaller, ...events: ReturnType<typeof event>[]) =>
  (await caller.usage.trackBatch({ ...current, events })).results

test('events of one batch with the same key count once; another amount or meter with it is a conflict', async () => {
  const { caller } = await enter()
  const events = [event('a', 2), event('b', 5), event('a', 2), event('a', 3), event('a', 2, 'bandwidth')]
  expect(await batch(caller, ...events)).toMatchObject([
    { outcome: 'accepted', used: 2 },
    { outcome: 'accepted', used: 7 },
    { outcome: 'duplicate', used: 7 },
    conflict,
    conflict,
  ])
  expect((await caller.usage.events({ ...current })).items).toHaveLength(2)
})

test('a retry of what was counted before is a duplicate, whatever else comes with its key in the same batch', async () => {
  const { caller } = await enter()
  await batch(caller, event('a', 2))
  const events = [event('a', 1), event('a', 2), event('a', 3), event('a', 2)]
  const duplicate = { outcome: 'duplicate', used: 2 }
  expect(await batch(caller, ...events)).toMatchObject([conflict, duplicate, conflict, duplicate])
  const alone = events.map(({ metric, amount, idempotencyKey }) =>
    caller.usage.track({ ...current, metric, amount, idempotencyKey }).then(
      ({ outcome }) => outcome,
      ({ code }) => code,
    ),
  )
  expect(await Promise.all(alone)).toEqual([conflict.code, 'duplicate', conflict.code, 'duplicate'])
})

test('what repeats an event that was refused is refused as that was, and nothing of it is stored', async () => {
  const { caller } = await enter()
  const consume = (idempotencyKey: string, amount: number) =>
    caller.usage.consume({ ...current, metric: 'pipeline_runs', amount, idempotencyKey }).then(
      ({ outcome }) => outcome,
      ({ code }) => code,
    )
  expect(await Promise.all([consume('a', 21), consume('a', 21), consume('a', 20), consume('b', 20)])).toEqual([
    'usage.limit_exceeded',
    'usage.limit_exceeded',
    'usage.idempotency_conflict',
    'accepted',
  ])
  expect((await caller.usage.events({ ...current })).items).toHaveLength(1)
})
