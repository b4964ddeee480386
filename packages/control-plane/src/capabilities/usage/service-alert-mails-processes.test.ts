import pg from 'pg'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { scheduledJobs } from '../../jobs.ts'
import { asAdmin, deafProcess } from '../event/service.fixture.ts'
import { deliverMails } from '../mail/index.ts'
import { openAlertMails } from './alert-mails.fixture.ts'
import { announceAlerts } from './index.ts'
import { createTestClock } from './service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
const { installation, server, track, subjectsTo, thresholdsTold, close } = await openAlertMails(clock)
afterAll(close)
beforeEach(() => {
  clock.set('2026-11-21T10:00:00Z')
  server.received = []
})

/** What was told is to be told again, as if whoever counted had ended before. */
async function forgetTold(tenantId: string): Promise<void> {
  await asAdmin(installation, 'update tenantry.usage_alerts set announced_at = null where tenant_id = $1', [tenantId])
  await asAdmin(installation, 'delete from tenantry.mails where tenant_id = $1', [tenantId])
  await asAdmin(installation, 'delete from tenantry.events where tenant_id = $1', [tenantId])
  server.received = []
}

test('of several processes that tell at the same moment one does, of all of it', async () => {
  const others = [deafProcess(installation, 60_000), deafProcess(installation, 60_000)]
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  await track(caller, 1_000_000)
  for (let round = 0; round < 5; round += 1) {
    await forgetTold(tenant.id)
    const processes = [installation.dependencies, ...others, installation.dependencies, ...others]
    await Promise.all(processes.map((dependencies) => announceAlerts(dependencies, tenant.id)))
    await deliverMails(installation.dependencies)
    expect(subjectsTo(user)).toEqual(['use of tokens is blocked'])
    expect(await thresholdsTold(caller)).toEqual([80, 90, 100, null])
  }
})

test('what another process is telling is waited for, so that what was reached together is told together', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  await track(caller, 1_000_000)
  await forgetTold(tenant.id)
  const other = new pg.Client(installation.testDatabase.adminUrl)
  await other.connect()
  onTestFinished(() => other.end())
  await other.query('begin')
  await other.query('select from tenantry.usage_alerts where tenant_id = $1 and percent = 80 for update', [tenant.id])
  const telling = announceAlerts(installation.dependencies, tenant.id)
  const waiting = `select from pg_locks where locktype in ('transactionid', 'tuple') and not granted
    and pid in (select pid from pg_stat_activity where datname = current_database())`
  await expect.poll(() => asAdmin(installation, waiting, [])).toBe(1)
  await other.query('rollback')
  await telling
  await deliverMails(installation.dependencies)
  expect(subjectsTo(user)).toEqual(['use of tokens is blocked'])
})

test('where the mail cannot be written nothing is told, and all of it later', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  await asAdmin(
    installation,
    `create function public.full() returns trigger language plpgsql as $$ begin raise 'full'; end $$`,
    [],
  )
  await asAdmin(
    installation,
    'create trigger full_disk before insert on tenantry.mails for each row execute function public.full()',
    [],
  )
  await track(caller, 85_000)
  expect(await thresholdsTold(caller)).toEqual([])
  await asAdmin(installation, 'drop trigger full_disk on tenantry.mails', [])
  await announceAlerts(installation.dependencies, tenant.id)
  await deliverMails(installation.dependencies)
  expect(subjectsTo(user)).toEqual(['80 % of tokens used'])
  expect(await thresholdsTold(caller)).toEqual([80])
})

test('a tenant that cannot be told keeps no other from being told by the job', async () => {
  const [{ tenant: broken }, { tenant, user }] = [await enterReached(), await enterReached()]
  for (const { id } of [broken, tenant]) await forgetTold(id)
  await asAdmin(
    installation,
    `create function public.refuse() returns trigger language plpgsql as $$ begin
       if new.tenant_id = '${broken.id}' then raise 'refused'; end if; return new; end $$`,
    [],
  )
  const trigger = 'create trigger refuse before insert on tenantry.mails for each row execute function public.refuse()'
  await asAdmin(installation, trigger, [])
  onTestFinished(async () => void (await asAdmin(installation, 'drop trigger refuse on tenantry.mails', [])))
  clock.set('2026-11-21T10:05:00Z')
  const job = scheduledJobs(installation.dependencies).find(({ name }) => name === 'usage.alerts')
  expect(await job?.run(() => expect.fail('it asks for nothing'))).toEqual({ tenants: 1 })
  await deliverMails(installation.dependencies)
  expect(subjectsTo(user)).toEqual(['80 % of tokens used'])
})

async function enterReached() {
  const entered = await installation.enter({ plan: 'free' })
  await track(entered.caller, 85_000)
  return entered
}
