import { readFileSync } from 'node:fs'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { signContext } from '@tenantry/kernel/tenancy/signed-context'
import pg from 'pg'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { scheduledJobs } from '../../jobs.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { alertsOf, toldOf } from '../limit/service.fixture.ts'
import { parseCatalogue } from '../plan/rules/catalogue.ts'
import { createTestClock } from '../usage/service.fixture.ts'
import { requireRoom } from './index.ts'
import { inUnit, makeProductTable } from './room.fixture.ts'

const defaultText = readFileSync(new URL('../../../catalogue/default.yaml', import.meta.url), 'utf8')
const declared = '    description: Events being planned or held.\n'

/** The default one, in which `events` (5 on starter) are called boards, and counted from the product. */
const catalogue = parseCatalogue(
  defaultText
    .replace(declared, '    description: Boards.\n    countedFrom: product\n')
    .replace(/^( +)events:/gm, '$1boards:'),
  'product.yaml',
)

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ catalogue, clock: createTestClock('2026-11-21T10:00:00Z') })
  await makeProductTable(installation)
})
afterAll(() => installation.close())

async function countBoards({ em }: TenantContext): Promise<number> {
  const [row] = await em.execute<{ count: string }[]>('select count(*) from product.boards')
  return Number(row?.count)
}

async function createBoard(ctx: TenantContext, name: string): Promise<void> {
  await requireRoom(ctx, 'boards', { count: () => countBoards(ctx) })
  await ctx.em.execute('insert into product.boards (tenant_id, name) values (?, ?)', [ctx.tenant.id, name])
}

async function removeBoard(ctx: TenantContext, name: string): Promise<void> {
  await ctx.em.execute('delete from product.boards where name = ?', [name])
  await requireRoom(ctx, 'boards', { count: () => countBoards(ctx), adding: 0 })
}

async function enter() {
  const { tenant, caller } = await installation.enter({ plan: 'starter' })
  return {
    tenant,
    caller,
    create: (name: string) => inUnit(installation, tenant.id, (ctx) => createBoard(ctx, name)),
    count: () => inUnit(installation, tenant.id, countBoards),
  }
}

test('of twenty who make one at the same moment five do, the others are refused, and nothing is half done', async () => {
  const { tenant, caller, create, count } = await enter()
  expect(await toldOf(caller, 'boards')).toMatchObject({ used: 0, limit: 5, state: 'ok' })
  const names = Array.from({ length: 20 }, (_, place) => `Board ${place}`)
  const outcomes = await Promise.allSettled(names.map(create))
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  expect(refused).toHaveLength(15)
  for (const reason of refused)
    expect(reason).toMatchObject({ code: 'usage.limit_exceeded', details: { meter: 'boards', limit: 5, used: 5 } })
  expect(await count()).toBe(5)
  expect(await toldOf(caller, 'boards')).toMatchObject({ used: 5, limit: 5, state: 'blocked' })
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])
})

test('a transaction that is rolled back gives the room back, and tells nobody', async () => {
  const { tenant, caller, create, count } = await enter()
  for (const name of ['a', 'b', 'c']) await create(name)
  const failing = inUnit(installation, tenant.id, async (ctx) => {
    await createBoard(ctx, 'd')
    await createBoard(ctx, 'e')
    throw new Error('something else went wrong')
  })
  await expect(failing).rejects.toThrow('something else went wrong')
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([])
  expect(await toldOf(caller, 'boards')).toMatchObject({ used: 3, state: 'ok' })
  for (const name of ['d', 'e']) await create(name)
  await expect(create('f')).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  expect(await count()).toBe(5)
})

test('what is taken away shows at once, makes room, and arms no threshold anew', async () => {
  const { tenant, caller, create } = await enter()
  for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name)
  for (const name of ['d', 'e']) await inUnit(installation, tenant.id, (ctx) => removeBoard(ctx, name))
  expect(await toldOf(caller, 'boards')).toMatchObject({ used: 3, state: 'ok' })
  for (const name of ['d', 'e']) await create(name)
  expect(await toldOf(caller, 'boards')).toMatchObject({ used: 5, state: 'blocked' })
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])
})

test('several at once are let in together or not at all', async () => {
  const { tenant, create } = await enter()
  await create('a')
  const ask = (adding: number) =>
    inUnit(installation, tenant.id, (ctx) => requireRoom(ctx, 'boards', { count: () => countBoards(ctx), adding }))
  await ask(4)
  await expect(ask(5)).rejects.toMatchObject({ details: { limit: 5, used: 1 } })
})

test('it is neither tracked nor set, and a meter that is none has no room', async () => {
  const { tenant, caller } = await enter()
  const named = { tenantId: 'current', metric: 'boards', amount: 1 } as const
  await expect(caller.usage.track(named)).rejects.toMatchObject({ code: 'request.invalid' })
  const count = async () => 0
  const asks = (meter: string) => inUnit(installation, tenant.id, (ctx) => requireRoom(ctx, meter, { count }))
  await expect(asks('unicorns')).rejects.toThrow('no meter "unicorns"')
  await expect(asks('users')).rejects.toThrow('users is counted from memberships')
  await expect(asks('storage')).rejects.toThrow('storage is not counted where it is made')
})

/** A service of another kind, which signs the context of its transactions itself. */
async function connect(tenantId: string) {
  const { urls, signingKey } = installation.testDatabase
  const client = new pg.Client(urls.tenantry_app)
  await client.connect()
  onTestFinished(() => client.end())
  const begin = async (isolation = 'read committed') => {
    await client.query(`begin isolation level ${isolation}`)
    const token = signContext(signingKey, 'tenant', tenantId)
    await client.query(`select set_config('tenancy.tenant_context', $1, true)`, [token])
  }
  return { client, begin }
}

test('plain SQL does the same, as the document says it', async () => {
  const document = readFileSync(new URL('../../../../../docs/metering.md', import.meta.url), 'utf8')
  const [, snippet = ''] = /```sql\n([^`]*)```/.exec(document) ?? []
  const statements = snippet.split(/;\n/).filter((statement) => /\S/.test(statement))
  expect(statements).toHaveLength(3)

  const { tenant, caller, create, count } = await enter()
  for (const name of ['a', 'b', 'c', 'd']) await create(name)
  const { client, begin } = await connect(tenant.id)
  const run = async () => {
    await begin()
    const rows: Record<string, unknown>[] = []
    for (const statement of statements) rows.push(...(await client.query(statement)).rows)
    return rows.find((row) => 'allowed' in row)
  }
  expect(await run()).toMatchObject({ ready: true, allowed: true, used: '4', hard: '5', alerted: true })
  await client.query('commit')
  expect(await count()).toBe(5)
  expect(await run()).toMatchObject({ ready: true, allowed: false, used: '5', hard: '5' })
  await client.query('rollback')
  await installation.dependencies.services.cache.invalidate(tenant.id, 'usage')
  expect(await toldOf(caller, 'boards')).toMatchObject({ used: 5, state: 'blocked' })
})

test('what was counted too early, or cannot see the others, is refused', async () => {
  const { tenant, create } = await enter()
  await create('a')
  const { client, begin } = await connect(tenant.id)
  const ask = `select * from metering.require_room('boards', (select count(*) from product.boards), 1)`
  await begin()
  await expect(client.query(ask)).rejects.toMatchObject({ code: '55000' })
  await client.query('rollback')
  for (const isolation of ['repeatable read', 'serializable']) {
    await begin(isolation)
    await client.query(`select metering.hold_room('boards')`)
    await expect(client.query(ask)).rejects.toMatchObject({ code: '25000' })
    await client.query('rollback')
  }
})

test('where the limits must be made first, nothing is allowed and nothing is kept until the job has made them', async () => {
  const { tenant } = await enter()
  const { client, begin } = await connect(tenant.id)
  await begin()
  await client.query(`select metering.hold_room('boards')`)
  const { rows } = await client.query(`select * from metering.require_room('boards', 0, 1)`)
  expect(rows).toMatchObject([{ ready: false, allowed: null }])
  await client.query('commit')
  const kept = await client.query('select * from tenantry.usage_counters')
  expect(kept.rows).toEqual([])

  const job = scheduledJobs(installation.dependencies).find(({ name }) => name === 'usage.limits')
  const run = () => job?.run(() => expect.fail('asks nothing as the job role'))
  expect(await run()).toEqual({ tenants: expect.any(Number) })
  expect(await run()).toEqual({ tenants: 0 })
  await begin()
  await client.query(`select metering.hold_room('boards')`)
  const made = await client.query(`select * from metering.require_room('boards', 0, 1)`)
  expect(made.rows).toMatchObject([{ ready: true, allowed: true, used: '0', included: '5' }])
})
