import { afterAll, beforeEach, expect, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { openTestInstallation, operator, type TestInstallation, type TestTenant } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { deliverMails, listOutbox } from '../mail/index.ts'
import { openMailServer } from '../mail/mail-server.fixture.ts'
import { putRole } from '../role/service.fixture.ts'
import { createTestClock } from '../usage/service.fixture.ts'

const clock = createTestClock('2026-11-21T10:00:00Z')
const server = await openMailServer()
const installation: TestInstallation = await openTestInstallation({ clock, mailer: server.mailer })
afterAll(async () => {
  await server.close()
  await installation.close()
})
beforeEach(async () => {
  clock.set('2026-11-21T10:00:00Z')
  await asAdmin(installation, 'delete from tenantry.mails', [])
  server.received = []
})

const current = { tenantId: 'current' }
const wanted = { meter: 'pipeline_runs', value: 300, reason: 'We grow' }
const deliver = () => deliverMails(installation.dependencies)
const receivers = () => server.received.flatMap(({ to }) => to).toSorted()
const emailsOf = (...people: { email: string }[]) => people.map(({ email }) => email).toSorted()

/** Runs the tenant by no base role, but may ask for it. */
async function createManager(tenant: Pick<TestTenant, 'id'>) {
  const manager = await installation.createMember(tenant.id, 'member')
  await putRole(installation, { tenantId: tenant.id, userId: manager.id, name: 'Manager', scopes: ['tenant:manage'] })
  return manager
}

async function decide(asker: InternalCaller, tenantId: string, decision: 'approved' | 'declined' = 'approved') {
  const { id: requestId } = await asker.limits.request({ ...current, ...wanted })
  const decided = { ...current, requestId, decision, reason: 'As agreed' }
  return installation.callerAs(operator, tenantId).limits.decide(decided)
}

test('a decision is mailed to who asked and to owners and admins, once to each, and to nobody else', async () => {
  const { tenant, user: owner } = await installation.enter({ plan: 'starter' })
  const admin = await installation.createMember(tenant.id, 'admin')
  await installation.createMember(tenant.id, 'viewer')
  const manager = await createManager(tenant)
  await decide(installation.callerAs(manager, tenant.id), tenant.id)
  expect(await deliver()).toEqual({ sent: 3, failed: 0 })
  expect(receivers()).toEqual(emailsOf(owner, admin, manager))
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })

  const [mail] = await listOutbox(installation.dependencies, manager.email)
  expect(mail?.subject).toBe(`Tenant ${tenant.slug}: request for pipeline runs approved`)
  for (const told of ['Asked for: 300 runs', 'Because: We grow', 'Note: As agreed', 'In force now: 300 runs'])
    expect(mail?.text).toContain(`${told}\n`)
  expect(mail?.html).toContain('<tr><th align="left">Note</th><td>As agreed</td></tr>')
  expect(mail?.links).toContain('https://tenantry.example')
})

test('an owner who asked gets one mail, and a refusal says what holds all the same', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  await installation
    .callerAs(operator, tenant.id)
    .limits.grant({ ...current, meter: 'pipeline_runs', amount: 5, reason: 'For the launch' })
  await decide(caller, tenant.id, 'declined')
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  const [mail] = await listOutbox(installation.dependencies, user.email)
  expect(mail?.subject).toBe(`Tenant ${tenant.slug}: request for pipeline runs declined`)
  expect(mail?.text).toContain('In force now: 25 runs\n')
  expect(mail?.text).toMatch(/What to do: .* Or upgrade: the plan \S+ includes 200 runs\./)
})

test('an upgrade is not offered where an override holds the limit whatever the plan', async () => {
  const { tenant, user, caller } = await installation.enter({ plan: 'free' })
  const operators = installation.callerAs(operator, tenant.id)
  const overrides = { pipeline_runs: { value: 30 } }
  await operators.limits.setOverrides({ ...current, overrides, reason: 'A trial' })
  await operators.limits.grant({ ...current, meter: 'pipeline_runs', amount: 5, reason: 'For the launch' })
  await decide(caller, tenant.id, 'declined')
  const [mail] = await listOutbox(installation.dependencies, user.email)
  expect(mail?.text).toContain('In force now: 35 runs\n')
  expect(mail?.text).not.toContain('upgrade')
})

test('who asked from above is told, and what a key or an operator asked is told to owners and admins', async () => {
  const { tenant: parent, user: above } = await installation.enter({ plan: 'starter' })
  const { tenant, user: owner } = await installation.enter({ plan: 'starter', parent })
  await decide(installation.callerAs(above, tenant.id), tenant.id, 'declined')
  expect(await deliver()).toEqual({ sent: 2, failed: 0 })
  expect(receivers()).toEqual(emailsOf(above, owner))
  server.received = []
  const admin = await installation.createUser()
  const asOperator = { type: 'platformAdmin', id: admin.id, email: admin.email, name: null } as const
  for (const actor of [asOperator, { type: 'service', name: 'product' } as const])
    await decide(installation.callerAs(actor, tenant.id), tenant.id, 'declined')
  expect(await deliver()).toEqual({ sent: 2, failed: 0 })
  expect(receivers()).toEqual([owner.email, owner.email])
})

test('who has two accounts with one address gets one mail, and may leave with either before it is sent', async () => {
  for (const leaving of ['owner', 'asker'] as const) {
    const { tenant, user, caller } = await installation.enter({ plan: 'starter' })
    const asker = await createManager(tenant)
    await asAdmin(installation, 'update tenantry.users set email = upper($2) where id = $1', [asker.id, user.email])
    await installation.createMember(tenant.id, 'owner')
    await caller.tenants.updateSettings({ settings: { notifications: { quietHours: { enabled: true } } } })
    clock.set('2026-11-21T23:00:00Z')
    await decide(installation.callerAs(asker, tenant.id), tenant.id, 'declined')
    const left = leaving === 'owner' ? user : asker
    await installation.callerAs(left, tenant.id).members.leave({ tenantId: tenant.id })
    server.received = []
    clock.set('2026-11-22T08:00:00Z')
    expect(await deliver()).toEqual({ sent: 2, failed: 0 })
    expect(receivers()).toContain(user.email)
  }
})

test('the switches of the tenant hold it back', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  for (const notifications of [{ emailEnabled: false }, { emailEnabled: true, email: { quotaAlerts: false } }]) {
    await caller.tenants.updateSettings({ settings: { notifications } })
    await decide(caller, tenant.id, 'declined')
  }
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
})

test('in quiet hours it waits for their end, and is mailed to nobody who has left by then', async () => {
  const { tenant, user: owner, caller } = await installation.enter({ plan: 'starter' })
  const quietHours = { enabled: true, start: '22:00', end: '07:00', timezone: 'UTC' }
  await caller.tenants.updateSettings({ settings: { notifications: { quietHours } } })
  const [stays, leaves, deactivated] = [
    await createManager(tenant),
    await installation.createMember(tenant.id, 'admin'),
    await installation.createMember(tenant.id, 'admin'),
  ]
  clock.set('2026-11-21T23:00:00Z')
  await decide(installation.callerAs(stays, tenant.id), tenant.id, 'declined')
  await decide(installation.callerAs(leaves, tenant.id), tenant.id, 'declined')
  await decide(installation.callerAs(deactivated, tenant.id), tenant.id, 'declined')
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  await installation.callerAs(leaves, tenant.id).members.leave({ tenantId: tenant.id })
  await installation.callerAs(operator).users.deactivate({ userId: deactivated.id, reason: 'left' })
  clock.set('2026-11-22T07:00:00Z')
  expect(await deliver()).toEqual({ sent: 4, failed: 0 })
  expect(receivers()).toEqual(emailsOf(owner, owner, owner, stays))
  const givenUp = 'select from tenantry.mails where tenant_id = $1 and sent_at is null and next_attempt_at is null'
  expect(await asAdmin(installation, givenUp, [tenant.id])).toBe(6)
})

test('who asked is told while they reach the tenant, whatever they hold there by then', async () => {
  const { tenant, user: owner, caller } = await installation.enter({ plan: 'starter' })
  await caller.tenants.updateSettings({ settings: { notifications: { quietHours: { enabled: true } } } })
  const admin = await installation.createMember(tenant.id, 'admin')
  clock.set('2026-11-21T23:00:00Z')
  await decide(installation.callerAs(admin, tenant.id), tenant.id, 'declined')
  await caller.members.update({ tenantId: tenant.id, userId: admin.id, role: 'viewer' })
  clock.set('2026-11-22T08:00:00Z')
  expect(await deliver()).toEqual({ sent: 2, failed: 0 })
  expect(receivers()).toEqual(emailsOf(owner, admin))
})

test('of decisions at the same moment one is mailed, and of one that fails none', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const { id: requestId } = await caller.limits.request({ ...current, ...wanted })
  const operators = installation.callerAs(operator, tenant.id)
  const decisions = (['approved', 'declined', 'approved'] as const).map((decision) =>
    operators.limits.decide({ ...current, requestId, decision, reason: 'As agreed' }),
  )
  await Promise.allSettled(decisions)
  const written = () => asAdmin(installation, 'select from tenantry.mails where tenant_id = $1', [tenant.id])
  expect(await written()).toBe(1)

  const failing = await caller.limits.request({ ...current, ...wanted, value: 3_000 })
  await asAdmin(
    installation,
    `alter table tenantry.audit_entries add constraint none check (action <> 'limits.request_decided') not valid`,
    [],
  )
  try {
    const decision = { ...current, requestId: failing.id, decision: 'declined', reason: 'Too early' } as const
    await expect(operators.limits.decide(decision)).rejects.toThrow()
  } finally {
    await asAdmin(installation, 'alter table tenantry.audit_entries drop constraint none', [])
  }
  expect(await written()).toBe(1)
  expect((await caller.limits.requests({ ...current, state: 'open' })).items).toMatchObject([{ id: failing.id }])
})
