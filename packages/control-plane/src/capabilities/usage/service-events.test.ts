import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
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

async function trackInTurn(caller: InternalCaller, metric: string, amounts: number[]): Promise<void> {
  for (const amount of amounts) await caller.usage.track({ ...current, metric, amount })
}

test('events are listed as they were told, the newest first', async () => {
  const { caller } = await installation.enter()
  await caller.usage.track({ ...current, metric: 'storage', amount: 5, idempotencyKey: 'upload-1' })
  clock.set('2026-11-21T11:00:00Z')
  await caller.usage.track({
    ...current,
    metric: 'tokens',
    amount: 7,
    occurredAt: '2026-11-21T10:30:00+01:00',
    properties: { model: 'large' },
  })
  const { items, nextCursor } = await caller.usage.events(current)
  expect(nextCursor).toBeNull()
  expect(items).toMatchObject([
    {
      metric: 'tokens',
      amount: 7,
      occurredAt: '2026-11-21T09:30:00.000Z',
      receivedAt: '2026-11-21T11:00:00.000Z',
      idempotencyKey: null,
      properties: { model: 'large' },
    },
    { metric: 'storage', amount: 5, idempotencyKey: 'upload-1', properties: null },
  ])
})

test('pages follow each other without a gap or a repetition, across months, while more comes in', async () => {
  const { caller } = await installation.enter()
  await trackInTurn(caller, 'tokens', [1, 2, 3])
  clock.set('2026-12-02T10:00:00Z')
  await trackInTurn(caller, 'tokens', [4, 5, 6, 7])
  const amounts: number[][] = []
  let cursor: string | undefined
  do {
    const page = await caller.usage.events({ ...current, limit: 3, cursor })
    amounts.push(page.items.map(({ amount }) => amount))
    cursor = page.nextCursor ?? undefined
    await trackInTurn(caller, 'tokens', [99])
  } while (cursor !== undefined)
  expect(amounts).toEqual([[7, 6, 5], [4, 3, 2], [1]])
})

test('one meter may be asked for, which must be known', async () => {
  const { caller } = await installation.enter()
  await trackInTurn(caller, 'tokens', [1, 2])
  await trackInTurn(caller, 'storage', [3])
  const { items } = await caller.usage.events({ ...current, metric: 'tokens' })
  expect(items.map(({ metric, amount }) => [metric, amount])).toEqual([
    ['tokens', 2],
    ['tokens', 1],
  ])
  await expect(caller.usage.events({ ...current, metric: 'minutes' })).rejects.toMatchObject({
    code: 'usage.unknown_meter',
  })
})

test('events of others are not among them, not for operators either', async () => {
  const { tenant } = await installation.enter()
  const { caller: other } = await installation.enter()
  await trackInTurn(other, 'tokens', [1])
  const asOperator = installation.callerAs(operator, tenant.id)
  expect(await asOperator.usage.events(current)).toEqual({ items: [], nextCursor: null })
})
