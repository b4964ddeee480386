import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { scheduledJobs } from '../../jobs.ts'
import { openTestInstallation, operator, type TestInstallation, type TestTenant } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { alertsOf } from '../limit/service.fixture.ts'
import { deliverMails } from '../mail/index.ts'
import { type MailServer, openMailServer } from '../mail/mail-server.fixture.ts'
import { createTestClock } from '../usage/service.fixture.ts'
import { requireRoom } from './index.ts'
import { inUnit } from './room.fixture.ts'

const current = { tenantId: 'current' } as const
const start = '2026-11-21T10:00:00Z'
const clock = createTestClock(start)
let installation: TestInstallation
let server: MailServer

beforeAll(async () => {
  server = await openMailServer()
  installation = await openTestInstallation({ clock, mailer: server.mailer })
})
beforeEach(() => clock.set(start))
afterAll(async () => {
  await server.close()
  await installation.close()
})

/** A tenant with so many of the five users that free includes, and who adds more. */
async function enterWith(members: number) {
  const { tenant, user: owner, caller } = await installation.enter({ plan: 'free' })
  for (let count = 1; count < members; count += 1) await installation.createMember(tenant.id, 'viewer')
  const operators = installation.callerAs(operator, tenant.id)
  const add = async () => {
    const { id: userId } = await installation.createUser()
    await operators.members.add({ ...current, userId, role: 'viewer' })
    return userId
  }
  return { tenant, owner, caller, operators, add }
}

async function limitsKept({ id }: TestTenant) {
  const client = new pg.Client(installation.testDatabase.adminUrl)
  await client.connect()
  try {
    const { rows } = await client.query(
      `select meter, included::int, grace::int, alert_percents, source, counted_from, version from tenantry.effective_limits
        where tenant_id = $1 and counted_from is not null order by meter`,
      [id],
    )
    return rows
  } finally {
    await client.end()
  }
}

test('users are told of at 80, 90 and 100 percent once, in events and in mails, and again only in another month', async () => {
  const { tenant, owner, caller, operators, add } = await enterWith(3)
  await add()
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80])
  await deliverMails(installation.dependencies)
  const last = await add()
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])
  await deliverMails(installation.dependencies)
  const subjects = server.received
    .filter(({ to }) => to.includes(owner.email))
    .map(({ raw }) => /^subject: [^:]+: (.+)\r$/im.exec(raw)?.[1])
  expect(subjects).toEqual(['80 % of users used', 'use of users is blocked'])

  const refusal = { code: 'usage.limit_exceeded', details: { meter: 'users', limit: 5, used: 5 } }
  await expect(add()).rejects.toMatchObject(refusal)
  await operators.members.remove({ ...current, userId: last })
  const again = await add()
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])

  clock.set('2026-12-01T00:00:00Z')
  await operators.members.remove({ ...current, userId: again })
  await add()
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null, 90, 100, null])
})

test('of six who add at the same moment as many get in as fit, and each threshold is told once', async () => {
  const { tenant, caller, add } = await enterWith(3)
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, add))
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  expect(refused).toHaveLength(4)
  for (const reason of refused) expect(reason).toMatchObject({ code: 'usage.limit_exceeded', details: { used: 5 } })
  expect(await caller.tenants.usage()).toMatchObject({ usersCount: 5 })
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])
})

test('the limits are kept like all others, without grace, and have a new version where they change', async () => {
  const { tenant, operators, add } = await enterWith(1)
  await add()
  const percents = { grace: 0, alert_percents: [80, 90, 100], source: 'plan', version: 1 }
  const planned = [
    { meter: 'admins', included: 1, counted_from: 'memberships', ...percents },
    { meter: 'custom_roles', included: 0, counted_from: 'roles', ...percents },
    { meter: 'teams', included: 2, counted_from: 'teams', ...percents },
  ]
  expect(await limitsKept(tenant)).toEqual([
    ...planned,
    { meter: 'users', included: 5, counted_from: 'memberships', ...percents },
  ])
  await operators.limits.setOverrides({ ...current, overrides: { users: { value: 7 } }, reason: 'More of them' })
  expect((await limitsKept(tenant)).at(-1)).toMatchObject({ included: 7, source: 'override', version: 2 })
})

test('a limit that is lowered to what there is tells at once, and a higher one is armed anew', async () => {
  const { tenant, caller, operators, add } = await enterWith(3)
  const set = (value: number) =>
    operators.limits.setOverrides({ ...current, overrides: { users: { value } }, reason: 'Agreed' })
  await set(3)
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null])
  await expect(add()).rejects.toMatchObject({ details: { meter: 'users', limit: 3, used: 3 } })
  await set(5)
  await add()
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([80, 90, 100, null, 80])
})

test('the first of one is no news: a new tenant is full of admins, and nobody is told', async () => {
  const { tenant, caller, operators } = await enterWith(1)
  const heir = await installation.createMember(tenant.id, 'member')
  await operators.members.transferOwnership({ ...current, userId: heir.id, keepRole: 'member' })
  await installation.dependencies.services.metering.refresh([tenant.id])
  expect(await alertsOf(installation, caller, tenant.id)).toEqual([])
})

test('a limit that this process has not heard of is made before anybody is let in', async () => {
  const { tenant, add } = await enterWith(5)
  await expect(add()).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  await asAdmin(installation, `update tenantry.tenants set plan = 'enterprise' where id = $1`, [tenant.id])
  await add()
  await asAdmin(installation, `update tenantry.tenants set plan = 'free' where id = $1`, [tenant.id])
  await expect(add()).rejects.toMatchObject({ details: { meter: 'users', limit: 5, used: 6 } })
})

test('who makes something holds up nobody who tracks for the same tenant, and others of its kind until it is there', async () => {
  const { tenant, caller } = await enterWith(1)
  const order: string[] = []
  const asked = Promise.withResolvers<void>()
  const tracked = Promise.withResolvers<void>()
  const first = inUnit(installation, tenant.id, async (ctx) => {
    await requireRoom(ctx, 'teams')
    asked.resolve()
    await tracked.promise
    order.push('first')
  })
  await asked.promise
  const second = inUnit(installation, tenant.id, (ctx) => requireRoom(ctx, 'teams')).then(() => order.push('second'))
  await caller.usage.consume({ ...current, metric: 'tokens', amount: 1 })
  tracked.resolve()
  await Promise.all([first, second])
  expect(order).toEqual(['first', 'second'])
})

test('limits are made before room is held, so that who waits for them holds up nobody', async () => {
  const { tenant } = await enterWith(1)
  await installation.dependencies.services.metering.refresh([tenant.id])
  await asAdmin(installation, `update tenantry.tenants set plan = 'starter' where id = $1`, [tenant.id])
  const holder = new pg.Client(installation.testDatabase.adminUrl)
  const observer = new pg.Client(installation.testDatabase.adminUrl)
  await Promise.all([holder.connect(), observer.connect()])
  try {
    await holder.query('begin')
    await holder.query('select from tenantry.usage_accounts where tenant_id = $1 for update', [tenant.id])
    const asked = inUnit(installation, tenant.id, (ctx) => requireRoom(ctx, 'teams'))
    await vi.waitFor(async () => {
      const waiting = await observer.query(`select from pg_stat_activity where wait_event_type = 'Lock'`)
      expect(waiting.rowCount).toBeGreaterThan(0)
    })
    const free = await observer.query('select pg_try_advisory_lock(metering.room_key($1, $2)) as free', [
      tenant.id,
      'teams',
    ])
    expect(free.rows).toEqual([{ free: true }])
    await observer.query('select pg_advisory_unlock_all()')
    await holder.query('commit')
    await asked
  } finally {
    await Promise.all([holder.end(), observer.end()])
  }
})

test('the job makes the limits of all but those whose account is held, and says of how many', async () => {
  const tenants = [await enterWith(1), await enterWith(1)].map(({ tenant }) => tenant)
  const job = scheduledJobs(installation.dependencies).find(({ name }) => name === 'usage.limits')
  const run = () => job?.run(() => expect.fail('asks nothing as the job role'))
  await run()
  const ids = tenants.map(({ id }) => id)
  await asAdmin(installation, `update tenantry.tenants set plan = 'starter' where id = any ($1)`, [ids])
  const holder = new pg.Client(installation.testDatabase.adminUrl)
  await holder.connect()
  try {
    await holder.query('begin')
    await holder.query('select from tenantry.usage_accounts where tenant_id = $1 for update', [ids[0]])
    expect(await run()).toEqual({ tenants: 1 })
    await holder.query('commit')
    expect(await run()).toEqual({ tenants: 1 })
  } finally {
    await holder.end()
  }
})

test('who waits for room longer than a second is refused, and may try again', async () => {
  const { tenant } = await enterWith(1)
  await installation.dependencies.services.metering.refresh([tenant.id])
  const held = Promise.withResolvers<void>()
  const refused = Promise.withResolvers<void>()
  const first = inUnit(installation, tenant.id, async (ctx) => {
    await requireRoom(ctx, 'teams')
    held.resolve()
    await refused.promise
  })
  await held.promise
  const second = inUnit(installation, tenant.id, (ctx) => requireRoom(ctx, 'teams'))
  // At the doors `service.overloaded`.
  const outcome = expect(second).rejects.toMatchObject({ code: '55P03' })
  await outcome.finally(refused.resolve)
  await first
})
