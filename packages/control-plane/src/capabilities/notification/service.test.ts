import { openSequence } from '@tenantry/kernel/trpc/sequence'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { invite } from '../invitation/service.fixture.ts'
import { deliverMails } from '../mail/index.ts'
import { type MailServer, openMailServer } from '../mail/mail-server.fixture.ts'
import { createTestClock } from '../usage/service.fixture.ts'
import { notify } from './index.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
let installation: TestInstallation
let server: MailServer

beforeAll(async () => {
  server = await openMailServer()
  installation = await openTestInstallation({ clock, mailer: server.mailer })
})
afterAll(async () => {
  await server.close()
  await installation.close()
})
beforeEach(async () => {
  clock.set('2026-11-21T10:00:00Z')
  await asAdmin(installation, 'delete from tenantry.mails', [])
  server.received = []
})

const deliver = () => deliverMails(installation.dependencies)
const receivers = () => server.received.flatMap(({ to }) => to).toSorted()

/** One notice of each kind, the subject says which. */
async function notice(tenantId: string, ...kinds: ('usual' | 'critical')[]): Promise<void> {
  const { dependencies } = installation
  const actor = { type: 'system', name: 'test' } as const
  const access = (await dependencies.directory.findAccess(actor, tenantId)) ?? expect.fail('no access')
  const client = { address: null, userAgent: null }
  const { logger } = dependencies
  const { unit } = openSequence({ dependencies, actor, client, requestId: 'test', logger, operation: 'test' })
  const notices = kinds.map((kind) => ({
    event: 'quotaAlerts' as const,
    isCritical: kind === 'critical',
    message: { subject: kind, paragraphs: ['Look'] },
  }))
  await unit.tenant(access, (ctx) => notify(ctx, notices))
}
const subjects = () => server.received.map(({ raw }) => /^subject: (.+)\r$/im.exec(raw)?.[1])

const quietNight = { quietHours: { enabled: true, start: '22:00', end: '07:00', timezone: 'Europe/Paris' } }

test('active owners and admins of the tenant itself get it, and nobody else', async () => {
  const { tenant: parent } = await installation.enter()
  const { tenant, user: owner } = await installation.enter({ parent })
  const admin = await installation.createMember(tenant.id, 'admin')
  for (const role of ['member', 'viewer'] as const) await installation.createMember(tenant.id, role)
  const deactivated = await installation.createMember(tenant.id, 'admin')
  await installation.callerAs(operator).users.deactivate({ userId: deactivated.id, reason: 'left' })
  await notice(tenant.id, 'usual')
  expect(await deliver()).toEqual({ sent: 2, failed: 0 })
  expect(receivers()).toEqual([owner.email, admin.email].toSorted())
})

test('each of the switches holds it back, also one that a tenant above has locked', async () => {
  const { tenant: parent, caller: above } = await installation.enter()
  const { tenant, caller } = await installation.enter({ parent })
  const set = (notifications: Record<string, unknown>) => caller.tenants.updateSettings({ settings: { notifications } })
  await set({ emailEnabled: false })
  await notice(tenant.id, 'usual', 'critical')
  await set({ emailEnabled: true, email: { quotaAlerts: false } })
  await notice(tenant.id, 'usual', 'critical')
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })

  await set({ email: { quotaAlerts: true, orderReceived: false, dailySummary: false } })
  await notice(tenant.id, 'usual', 'critical')
  expect(await deliver()).toEqual({ sent: 2, failed: 0 })
  await above.settings.updateInheritance({
    tenantId: parent.id,
    defaults: { notifications: { emailEnabled: false } },
    locks: ['notifications.emailEnabled'],
  })
  await notice(tenant.id, 'usual', 'critical')
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
})

test('in quiet hours what is critical is sent at once, and all else when they end', async () => {
  const { tenant, caller } = await installation.enter()
  await caller.tenants.updateSettings({ settings: { notifications: quietNight } })
  await notice(tenant.id, 'usual')
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })

  clock.set('2026-11-21T21:30:00Z')
  await notice(tenant.id, 'usual', 'critical')
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  expect(subjects()).toEqual(['usual', 'critical'])
  clock.set('2026-11-22T05:59:59Z')
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  clock.set('2026-11-22T06:00:00Z')
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  expect(subjects()).toEqual(['usual', 'critical', 'usual'])
})

test('who has left, lost the role or was deactivated by the end of quiet hours gets nothing', async () => {
  const { tenant, user: owner, caller } = await installation.enter()
  const [left, demoted, deactivated] = [
    await installation.createMember(tenant.id, 'admin'),
    await installation.createMember(tenant.id, 'admin'),
    await installation.createMember(tenant.id, 'admin'),
  ]
  await caller.tenants.updateSettings({ settings: { notifications: quietNight } })
  clock.set('2026-11-21T23:00:00Z')
  await notice(tenant.id, 'usual')
  await installation.callerAs(left, tenant.id).members.leave({ tenantId: tenant.id })
  await caller.members.update({ tenantId: tenant.id, userId: demoted.id, role: 'member' })
  await installation.callerAs(operator).users.deactivate({ userId: deactivated.id, reason: 'left' })
  clock.set('2026-11-22T06:00:00Z')
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  expect(receivers()).toEqual([owner.email])
  clock.set('2026-12-22T06:00:00Z')
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  const givenUp = `select from tenantry.mails where sent_at is null and next_attempt_at is null and last_error like '%no active owner or admin%'`
  expect(await asAdmin(installation, givenUp, [])).toBe(3)
})

test('who has another address by then gets it there', async () => {
  const { tenant, user, caller } = await installation.enter()
  await caller.tenants.updateSettings({ settings: { notifications: quietNight } })
  clock.set('2026-11-21T23:00:00Z')
  await notice(tenant.id, 'usual')
  await asAdmin(installation, 'update tenantry.users set email = $2 where id = $1', [user.id, `new-${user.email}`])
  clock.set('2026-11-22T06:00:00Z')
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  expect(receivers()).toEqual([`new-${user.email}`])
})

test('who has two accounts with one address gets one mail', async () => {
  const { tenant, user } = await installation.enter()
  const second = await installation.createMember(tenant.id, 'admin')
  await asAdmin(installation, 'update tenantry.users set email = upper($2) where id = $1', [second.id, user.email])
  await notice(tenant.id, 'usual')
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
})

test('of two accounts with one address either may leave before it is sent', async () => {
  for (const leaving of [0, 1]) {
    const { tenant, user, caller } = await installation.enter()
    const second = await installation.createMember(tenant.id, 'owner')
    await asAdmin(installation, 'update tenantry.users set email = upper($2) where id = $1', [second.id, user.email])
    await caller.tenants.updateSettings({ settings: { notifications: quietNight } })
    clock.set('2026-11-21T23:00:00Z')
    await notice(tenant.id, 'usual')
    const one = [user, second][leaving] ?? expect.fail('nobody leaves')
    await installation.callerAs(one, tenant.id).members.leave({ tenantId: tenant.id })
    server.received = []
    clock.set('2026-11-22T06:00:00Z')
    expect(await deliver()).toEqual({ sent: 1, failed: 0 })
    expect(receivers()).toEqual([user.email])
  }
})

test('mails to owners and admins take nothing of the room that invitations have', async () => {
  const { tenant, caller } = await installation.enter()
  const admin = await installation.createMember(tenant.id, 'admin')
  for (let count = 0; count < 6; count += 1) await notice(tenant.id, 'usual')
  expect(await deliver()).toEqual({ sent: 12, failed: 0 })
  await installation.callerAs(admin, tenant.id).members.leave({ tenantId: tenant.id })
  expect(await invite(caller, admin.email)).toMatchObject({ email: admin.email })
})
