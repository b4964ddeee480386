import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createInternalCaller } from '../../caller.ts'
import { operator } from '../../testing.ts'
import { asOperator, day, lifecycleLogs, openTimeTravel, type TimeTravel } from './service.fixture.ts'

let installation: TimeTravel
beforeAll(async () => {
  installation = await openTimeTravel()
})
beforeEach(() => installation.travelTo(0))
afterAll(() => installation.close())

const reason = 'Invoice 2041 is unpaid.'
const events = async (tenantId: string) =>
  (await asOperator(installation).events.list({ tenantId })).items.map(({ event }) => event)
const inDays = (days: number) => new Date(Date.now() + days * day).toISOString()

describe('a suspension', () => {
  test('stands in both logs with actor, reason, time and end, is told as an event, and is read by the owner', async () => {
    const { tenant, caller } = await installation.enter()
    const until = inDays(3)
    const suspended = await asOperator(installation).tenants.suspend({ tenantId: tenant.id, reason, until })
    const state = { status: 'suspended', statusReason: reason, statusUntil: until, version: 2 }
    expect(suspended).toMatchObject({ id: tenant.id, slug: tenant.slug, deleteAfter: null, ...state })
    expect(await caller.tenants.get({ tenantId: tenant.id })).toMatchObject(state)
    expect(await caller.tenants.info()).toMatchObject({ status: 'suspended' })
    await asOperator(installation).tenants.reactivate({ tenantId: tenant.id, reason: 'It is paid.' })

    const logs = await lifecycleLogs(installation, tenant.id)
    const by = { actorType: 'platformAdmin', actorId: operator.id, targetId: tenant.id, at: expect.any(Date) }
    const entries = [
      {
        ...by,
        action: 'tenant.suspended',
        details: { reason },
        changes: {
          status: { before: 'active', after: 'suspended' },
          statusReason: { before: null, after: reason },
          statusUntil: { before: null, after: until },
        },
      },
      {
        ...by,
        action: 'tenant.reactivated',
        details: { reason: 'It is paid.' },
        changes: {
          status: { before: 'suspended', after: 'active' },
          statusReason: { before: reason, after: null },
          statusUntil: { before: until, after: null },
        },
      },
    ]
    const leftOut = (reason: string | null) => reason && '[left out]'
    const kept = entries.map(({ changes: { statusReason, ...changes }, ...entry }) => ({
      ...entry,
      changes: {
        ...changes,
        statusReason: { before: leftOut(statusReason.before), after: leftOut(statusReason.after) },
      },
    }))
    expect(logs).toMatchObject({ tenant: entries, platform: kept })
    expect(await events(tenant.id)).toMatchObject([
      { type: 'tenant.reactivated', reason: 'It is paid.', version: 3 },
      { type: 'tenant.suspended', reason, until, version: 2 },
    ])
  })

  test('is given another reason and end by suspending again; with the same ones nothing changes', async () => {
    const { id: tenantId } = await installation.createTenant()
    const operators = asOperator(installation).tenants
    const until = inDays(1)
    await operators.suspend({ tenantId, reason, until })
    expect(await operators.suspend({ tenantId, reason, until })).toMatchObject({ version: 2 })
    expect(await operators.suspend({ tenantId, reason })).toMatchObject({ statusUntil: null, version: 3 })
    expect(await operators.suspend({ tenantId, reason: 'Fraud' })).toMatchObject({ statusReason: 'Fraud', version: 4 })
    expect((await lifecycleLogs(installation, tenantId)).tenant).toHaveLength(3)
  })

  test.each([
    ['no reason', { reason: '  ' }, 'reason'],
    ['an end that has passed', { reason, until: '2020-01-01T00:00:00Z' }, 'until'],
    ['an end that is no time', { reason, until: 'tomorrow' }, 'until'],
  ])('with %s is refused by the name of the field', async (_, input, path) => {
    const { id: tenantId } = await installation.createTenant()
    await expect(asOperator(installation).tenants.suspend({ tenantId, ...input })).rejects.toMatchObject({
      code: 'request.invalid',
      details: { issues: [{ path }] },
    })
  })

  test('ended twice has ended once', async () => {
    const { id: tenantId } = await installation.createTenant({ status: 'suspended', statusReason: reason })
    const operators = asOperator(installation).tenants
    for (let time = 1; time <= 2; time++)
      expect(await operators.reactivate({ tenantId, reason: 'Paid' })).toMatchObject({ status: 'active', version: 2 })
    expect((await lifecycleLogs(installation, tenantId)).tenant).toHaveLength(1)
  })
})

describe('a deletion', () => {
  test('by the owner is soft, dated by the retention, in both logs, and shuts the owner out', async () => {
    const { tenant, user, caller } = await installation.enter()
    const before = Date.now()
    const removed = await caller.tenants.remove({ tenantId: tenant.id, reason: 'We close.', expectedVersion: 1 })
    expect(removed).toMatchObject({ status: 'deleting', statusReason: 'We close.', version: 2 })
    const deleteAfter = Date.parse(removed.deleteAfter ?? '')
    expect(deleteAfter).toBeGreaterThanOrEqual(before + 30 * day)
    expect(deleteAfter).toBeLessThan(Date.now() + 30 * day + 1)

    const entry = { action: 'tenant.removed', actorType: 'user', actorId: user.id, details: { reason: 'We close.' } }
    const logs = await lifecycleLogs(installation, tenant.id)
    expect(logs).toMatchObject({ tenant: [entry], platform: [{ ...entry, details: {}, changes: null }] })
    // The platform's log outlives the tenant: of its people it keeps ids.
    expect([logs.tenant[0]?.actorEmail, logs.platform[0]?.actorEmail]).toEqual([user.email, null])
    const inactive = { code: 'tenant.inactive', details: { state: 'deleting', reason: 'We close.' } }
    await expect(caller.tenants.remove({ tenantId: tenant.id })).rejects.toMatchObject(inactive)
    await expect(caller.tenants.update({ tenantId: tenant.id, name: 'Anew' })).rejects.toMatchObject(inactive)
    expect(await caller.tenants.get({ tenantId: tenant.id })).toMatchObject({ deleteAfter: removed.deleteAfter })
  })

  test('is for owners: an admin is refused', async () => {
    const { tenant, caller } = await installation.enter({ role: 'admin' })
    await expect(caller.tenants.remove({ tenantId: tenant.id })).rejects.toMatchObject({
      code: 'auth.permission_denied',
      details: { missingScope: 'tenant:own' },
    })
  })

  test('asked for twice at once with the same version happens once', async () => {
    const { tenant, caller } = await installation.enter()
    const input = { tenantId: tenant.id, expectedVersion: 1 }
    const answers = await Promise.allSettled([caller.tenants.remove(input), caller.tenants.remove(input)])
    const statuses = answers.map((answer) => (answer.status === 'fulfilled' ? 'removed' : answer.reason.code))
    expect(statuses.sort()).toEqual(['removed', 'tenant.concurrent_update'])
    expect((await lifecycleLogs(installation, tenant.id)).tenant).toHaveLength(1)
  })

  test('repeated by an operator leaves the date as it is', async () => {
    const { id: tenantId } = await installation.createTenant()
    const operators = asOperator(installation).tenants
    const { deleteAfter } = await operators.remove({ tenantId })
    expect(await operators.remove({ tenantId, reason: 'Again' })).toMatchObject({ deleteAfter, statusReason: null })
  })

  test('waits until nothing stands below the tenant that is not being deleted too', async () => {
    const parent = await installation.createTenant()
    const children = [await installation.createTenant({ parent }), await installation.createTenant({ parent })]
    const operators = asOperator(installation).tenants
    for (const [gone, child] of children.entries()) {
      const childCount = children.length - gone
      await expect(operators.remove({ tenantId: parent.id })).rejects.toMatchObject({
        code: 'tenant.has_children',
        message: expect.stringMatching(childCount === 1 ? /^A tenant stands/ : /^2 tenants stand/),
        details: { childCount },
      })
      await operators.remove({ tenantId: child.id })
    }
    expect(await operators.remove({ tenantId: parent.id })).toMatchObject({ status: 'deleting' })
  })
})

describe('a restore', () => {
  test.each([
    ['active', {}, { status: 'active', statusReason: null, statusUntil: null }],
    ['suspended', { reason, until: inDays(9) }, { status: 'suspended', statusReason: reason }],
    ['provisioning', {}, { status: 'provisioning', statusReason: null }],
  ] as const)('of a tenant that was %s brings that state back', async (status, suspension, expected) => {
    const made = await installation.createTenant({ status: status === 'suspended' ? 'active' : status })
    const operators = asOperator(installation).tenants
    if ('reason' in suspension) await operators.suspend({ tenantId: made.id, ...suspension })
    const before = await operators.get({ tenantId: made.id })
    await operators.remove({ tenantId: made.id, reason: 'By mistake' })
    const restored = await operators.restore({ tenantId: made.id, reason: 'It was a mistake.' })
    expect(restored).toMatchObject({ ...expected, deleteAfter: null })
    expect(await operators.get({ tenantId: made.id })).toMatchObject({ statusUntil: before.statusUntil })
    const { platform, tenant } = await lifecycleLogs(installation, made.id)
    for (const log of [platform, tenant])
      expect(log.at(-1)).toMatchObject({ action: 'tenant.restored', details: { reason: 'It was a mistake.' } })
  })

  test('comes too late once the retention is over', async () => {
    const { id: tenantId } = await installation.createTenant()
    const operators = asOperator(installation).tenants
    await operators.remove({ tenantId })
    installation.travelTo(30)
    await expect(operators.restore({ tenantId, reason: 'Too late' })).rejects.toMatchObject({
      code: 'tenant.invalid_transition',
      details: { from: 'deleting', to: 'active' },
    })
  })
})

describe('no way leads', () => {
  test.each([
    ['provisioning', 'suspend', 'suspended'],
    ['deleting', 'suspend', 'suspended'],
    ['provisioning', 'reactivate', 'active'],
    ['deleting', 'reactivate', 'active'],
    ['active', 'restore', 'active'],
    ['suspended', 'restore', 'active'],
    ['provisioning', 'restore', 'active'],
  ] as const)('from %s by %s', async (from, verb, to) => {
    const { id: tenantId } = await installation.createTenant({ status: from })
    await expect(asOperator(installation).tenants[verb]({ tenantId, reason })).rejects.toMatchObject({
      code: 'tenant.invalid_transition',
      status: 409,
      details: { from, to },
    })
    expect(await lifecycleLogs(installation, tenantId)).toEqual({ tenant: [], platform: [] })
  })

  test.each(['suspend', 'reactivate', 'remove', 'restore'] as const)('by %s of a stale version', async (verb) => {
    const { id: tenantId } = await installation.createTenant({ status: verb === 'restore' ? 'deleting' : 'active' })
    const answer = asOperator(installation).tenants[verb]({ tenantId, reason, expectedVersion: 7 })
    await expect(answer).rejects.toMatchObject({ code: 'tenant.concurrent_update', details: { currentVersion: 1 } })
  })

  test.each(['suspend', 'reactivate', 'remove', 'restore'] as const)('by %s of a purged tenant', async (verb) => {
    const { id: tenantId } = await installation.createTenant({ status: 'purged' })
    const answer = asOperator(installation).tenants[verb]({ tenantId, reason })
    await expect(answer).rejects.toMatchObject({ code: 'tenant.not_found' })
  })

  test('for whoever is no operator: owners and services may not suspend, reactivate or restore', async () => {
    const { tenant, caller } = await installation.enter()
    const service = createInternalCaller(installation.dependencies, { actor: { type: 'service', name: 'billing' } })
    for (const { tenants } of [caller, service])
      for (const verb of ['suspend', 'reactivate', 'restore'] as const)
        await expect(tenants[verb]({ tenantId: tenant.id, reason })).rejects.toMatchObject({
          code: 'auth.permission_denied',
        })
  })
})
