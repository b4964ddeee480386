import pg from 'pg'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { operator } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { deliverMails, listOutbox } from '../mail/index.ts'
import { itemOf } from '../metering/writers.fixture.ts'
import { openAlertMails } from './alert-mails.fixture.ts'
import { createTestClock } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
const { installation, server, track, subjectsTo, thresholdsTold, close } = await openAlertMails(clock)
afterAll(close)
beforeEach(() => {
  clock.set('2026-11-21T10:00:00Z')
  server.received = []
})

const newestTo = async ({ email }: { email: string }) => (await listOutbox(installation.dependencies, email))[0]

/** Without being told that there is room for no other. */
async function createAdmin(tenantId: string) {
  const overrides = { admins: { value: 9 } }
  await installation.callerAs(operator).limits.setOverrides({ tenantId, overrides, reason: 'Two run it' })
  return installation.createMember(tenantId, 'admin')
}

test('on the way from nothing to past the limit each threshold is mailed once to each owner and admin', async () => {
  const { tenant, user: owner, caller } = await installation.enter({ plan: 'free' })
  const admin = await createAdmin(tenant.id)
  const member = await installation.createMember(tenant.id, 'member')
  for (const amount of [79_999, 1, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000, 50_000]) await track(caller, amount)
  const expected = ['80 % of tokens used', '90 % of tokens used', 'limit of tokens reached', 'use of tokens is blocked']
  expect(subjectsTo(owner)).toEqual(expected)
  expect(subjectsTo(admin)).toEqual(expected)
  expect(subjectsTo(member)).toEqual([])
  expect(await thresholdsTold(caller)).toEqual([80, 90, 100, null])
})

test('of several thresholds that one call passes the highest is mailed, of each meter', async () => {
  const { user, caller } = await installation.enter({ plan: 'free' })
  const events = [
    { metric: 'tokens', amount: 95_000 },
    { metric: 'pipeline_runs', amount: 1_000_000 },
  ]
  for (const { metric, amount } of events) await track(caller, amount, metric)
  expect(subjectsTo(user)).toEqual(['90 % of tokens used', 'use of pipeline runs is blocked'])
  expect(await thresholdsTold(caller)).toEqual([80, 90, 80, 90, 100, null])
})

test('once the limit is passed the mail says until when grace lasts, and of what is kept how much in MB', async () => {
  const { user, caller } = await installation.enter({ plan: 'free', timezone: 'Europe/Paris' })
  await track(caller, 105_000)
  const mail = await newestTo(user)
  expect(mail?.text).toContain(
    'grace lasts until 28 November 2026, 11:00 (Europe/Paris): until then up to 110,000 tokens',
  )
  expect(mail?.text).toContain('The count starts anew on 1 December 2026, 00:00 (Europe/Paris).')
  expect(mail?.links).toContain('https://tenantry.example')

  const { limits } = await caller.tenants.limits()
  const { limit } = limits.find(({ meter }) => meter === 'storage') ?? expect.fail('no storage')
  const megabytes = (limit ?? 0) / 1024 / 1024
  await track(caller, Math.round((limit ?? 0) * 0.85), 'storage')
  const shown = new Intl.NumberFormat('en', { maximumFractionDigits: 2 }).format(megabytes * 0.85)
  expect((await newestTo(user))?.text).toContain(`Used: ${shown} MB\n`)
})

test('when grace is over the first that is refused has it mailed, also in quiet hours, and the second does not', async () => {
  const { user, caller } = await enterQuietNight()
  await track(caller, 105_000)
  clock.set('2026-11-28T23:30:00Z')
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const consumed = caller.usage.consume({ tenantId: 'current', metric: 'tokens', amount: 1 })
    await expect(consumed).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
    await installation.dependencies.services.metering.told((await caller.tenants.info()).id)
    await deliverMails(installation.dependencies)
    expect(subjectsTo(user)).toEqual(['use of tokens is blocked'])
  }
  expect((await newestTo(user))?.text).toContain('further use is refused until 1 December 2026, 00:00')
})

test('a limit that was raised is told of anew, and a new period too', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  await track(caller, 85_000)
  await installation.callerAs(operator).limits.setOverrides({
    tenantId: tenant.id,
    overrides: { tokens: { value: 200_000 } },
    reason: 'more',
  })
  await track(caller, 80_000)
  clock.set('2026-12-01T10:00:00Z')
  await track(caller, 185_000)
  expect(subjectsTo(user)).toEqual(['80 % of tokens used', '80 % of tokens used', '90 % of tokens used'])
})

test('small changes of a limit tell nothing twice, and its end each time that it comes', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  await track(caller, 92_000)
  const set = (value: number) =>
    installation
      .callerAs(operator)
      .limits.setOverrides({ tenantId: tenant.id, overrides: { tokens: { value } }, reason: 'Agreed' })
  for (const value of [100_001, 100_002, 99_000]) {
    await set(value)
    await track(caller, 1)
  }
  expect(subjectsTo(user)).toEqual(['90 % of tokens used'])
  for (const value of [90_000, 200_000, 90_001]) {
    await set(value)
    await track(caller, 1)
  }
  expect(subjectsTo(user).slice(1)).toEqual(['use of tokens is blocked', 'use of tokens is blocked'])
})

test('what was reached in a day that has ended when it is told is not mailed, and its count starts anew at the end of that day', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  const { metering } = installation.dependencies.services
  await track(caller, 1)
  clock.set('2026-11-22T00:00:00.400Z')
  const day = '2026-11-21'
  const item = { meter: 'api_calls', period: day, span: day, day, occurredAt: new Date('2026-11-21T23:59:59.500Z') }
  await metering.write(itemOf({ tenantId: tenant.id, ...item, amount: 1_000_000, mode: 'track' }))
  await metering.told(tenant.id)
  await deliverMails(installation.dependencies)
  expect(subjectsTo(user)).toEqual([])
  const { items } = await caller.events.list({ tenantId: 'current' })
  const told = items.map(({ event }) => (event.type === 'usage.threshold_reached' ? event.resetsAt : null))
  expect(new Set(told)).toEqual(new Set(['2026-11-22T00:00:00.000Z']))
})

test('where mail is off those who watch are told all the same', async () => {
  const { user, caller } = await installation.enter({ plan: 'free' })
  await caller.tenants.updateSettings({ settings: { notifications: { emailEnabled: false } } })
  await track(caller, 95_000)
  expect(subjectsTo(user)).toEqual([])
  expect(await thresholdsTold(caller)).toEqual([80, 90])
})

test('in quiet hours a warning waits for their end, and the end of a limit does not', async () => {
  const { user, caller } = await installation.enter({ plan: 'free' })
  await caller.tenants.updateSettings({ settings: { notifications: { quietHours: { enabled: true } } } })
  clock.set('2026-11-21T23:30:00Z')
  await track(caller, 85_000)
  await track(caller, 1_000_000, 'pipeline_runs')
  expect(subjectsTo(user)).toEqual(['use of pipeline runs is blocked'])
  clock.set('2026-11-22T08:00:00Z')
  await deliverMails(installation.dependencies)
  expect(subjectsTo(user)).toEqual(['use of pipeline runs is blocked', '80 % of tokens used'])
})

async function enterQuietNight() {
  const entered = await installation.enter({ plan: 'free' })
  await entered.caller.tenants.updateSettings({ settings: { notifications: { quietHours: { enabled: true } } } })
  clock.set('2026-11-21T23:30:00Z')
  return entered
}

const deliverInTheMorning = async () => {
  clock.set('2026-11-22T08:00:00Z')
  return deliverMails(installation.dependencies)
}

test('of several thresholds of a meter that wait for the end of quiet hours the last is mailed', async () => {
  const { tenant, user, caller } = await enterQuietNight()
  const admin = await createAdmin(tenant.id)
  for (const amount of [85_000, 7_000, 8_000]) await track(caller, amount)
  await track(caller, 17, 'pipeline_runs')
  await deliverInTheMorning()
  const expected = ['80 % of pipeline runs used', 'limit of tokens reached']
  for (const one of [user, admin]) expect(subjectsTo(one).toSorted()).toEqual(expected)
  const { user: other, caller: beside } = await enterQuietNight()
  await track(beside, 85_000)
  await track(caller, 10_000)
  await deliverInTheMorning()
  expect(subjectsTo(other)).toEqual(['80 % of tokens used'])
})

test('no warning that waits is mailed after the end of the limit that it warned of', async () => {
  const { user, caller } = await enterQuietNight()
  for (const amount of [85_000, 50_000]) await track(caller, amount)
  await deliverInTheMorning()
  expect(subjectsTo(user)).toEqual(['use of tokens is blocked'])
})

test('a warning whose sender was about to take it, or failed with it, is given up all the same', async () => {
  const { tenant, user, caller } = await enterQuietNight()
  await track(caller, 85_000)
  const other = new pg.Client(installation.testDatabase.adminUrl)
  await other.connect()
  onTestFinished(() => other.end())
  await other.query('begin')
  await other.query('update tenantry.mails set next_attempt_at = null where tenant_id = $1', [tenant.id])
  const delivering = deliverInTheMorning()
  const waiting = `select from pg_locks where locktype = 'transactionid' and not granted
    and pid in (select pid from pg_stat_activity where datname = current_database())`
  await expect.poll(() => asAdmin(installation, waiting, [])).toBe(1)
  await other.query('commit')
  expect(await delivering).toEqual({ sent: 0, failed: 0 })

  const entered = await enterQuietNight()
  await track(entered.caller, 85_000)
  const { dependencies } = installation
  const send = async () => {
    await entered.caller.usage.track({ tenantId: 'current', metric: 'tokens', amount: 50_000 })
    await dependencies.services.metering.told(entered.tenant.id)
    throw new Error('Mailbox is full')
  }
  clock.set('2026-11-22T08:00:00Z')
  const mailer = { send, close: () => undefined }
  await deliverMails({ ...dependencies, services: { ...dependencies.services, mailer } })
  clock.set('2026-11-22T09:00:00Z')
  await deliverMails(dependencies)
  expect(subjectsTo(entered.user)).toEqual(['use of tokens is blocked'])
  expect(subjectsTo(user)).toEqual([])
})
