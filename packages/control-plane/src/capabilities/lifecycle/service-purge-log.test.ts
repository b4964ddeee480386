import { createHash } from 'node:crypto'
import { createCallerFactory } from '@tenantry/kernel/trpc/init'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { appRouter } from '../../router.ts'
import { asOperator, openPurgeTrial, type PurgeTrial } from './service.fixture.ts'

let trial: PurgeTrial
beforeAll(async () => {
  trial = await openPurgeTrial()
})
beforeEach(() => trial.travelTo(0))
afterAll(() => trial.close())

test('a purge stands in the platform’s log with a hash that anybody can check, and that log without addresses', async () => {
  const { tenant, user, caller } = await trial.enter()
  const contactEmail = 'somebody@acme.example'
  await asOperator(trial).tenants.update({ tenantId: tenant.id, contactEmail })
  trial.travelTo(-31)
  await caller.tenants.remove({ tenantId: tenant.id, reason: `Write to ${contactEmail}` })
  trial.travelTo(0)
  await trial.purge(tenant.id)

  const { hash, ...told } = await asOperator(trial).deletionReports.get({ tenantId: tenant.id })
  expect(told.requestedBy).toBe(`user:${user.id}`)
  expect(hash).toBe(createHash('sha256').update(JSON.stringify(told)).digest('hex'))
  const log = (await trial.platformAuditEntries()).filter((entry) => entry.concernsTenantId === tenant.id)
  expect(log.map(({ action }) => action)).toEqual([
    'tenant.updated',
    'tenant.removed',
    'tenant.purged',
    'platform.read',
  ])
  expect(log.at(-2)).toMatchObject({ actorType: 'system', actorId: 'tenants.purge', details: { hash } })
  expect(JSON.stringify(log)).not.toMatch(new RegExp(`${contactEmail}|${user.email}|${tenant.slug}`))
})

test('the purge of a tenant that was made by an operation leaves nobody’s name, address or whereabouts in the platform’s log', async () => {
  const user = await trial.createUser()
  const told = { name: `Practice Dr. Jane Doe ${user.id}`, reason: 'Jane Doe is bankrupt' }
  trial.travelTo(-40)
  const operators = asOperator(trial).tenants
  const named = { name: told.name, ownerEmail: user.email, externalId: `ext-${user.id.slice(-12)}`, tags: ['jane'] }
  const { id, slug } = await trial.callerAs({ type: 'system', name: 'import' }).tenants.create(named)
  await trial.addMember(id, user.id, 'owner')
  const call = {
    dependencies: trial.dependencies,
    requestId: 'a-request',
    transport: 'rest',
    client: { address: '203.0.113.7', userAgent: 'Janes iPhone' },
    credentials: { actor: { type: 'user', ...user, name: 'Jane' } },
    tenantHints: {},
    idempotencyKey: null,
    ifMatch: false,
    setHeader: () => undefined,
    answered: () => undefined,
    logger: trial.dependencies.logger,
  } as const
  await operators.update({ tenantId: id, organizationType: 'jane-practice' })
  await createCallerFactory(appRouter)(call).tenants.remove({ tenantId: id, reason: told.reason })
  await operators.restore({ tenantId: id, reason: 'A mistake' })
  await operators.remove({ tenantId: id })
  trial.travelTo(0)
  expect(await trial.purge(id)).toBe('purged')
  const log = (await trial.platformAuditEntries()).filter((entry) => entry.concernsTenantId === id)
  const made = ['tenant.created', 'member.invited', 'tenant.activated']
  const changed = ['tenant.updated', 'tenant.removed', 'tenant.restored', 'tenant.removed', 'tenant.purged']
  expect(log.map(({ action }) => action)).toEqual([...made, ...changed])
  expect(log[0]).toMatchObject({ changes: { plan: { before: null, after: 'free' } } })
  expect(JSON.stringify(log)).not.toMatch(
    new RegExp(`jane|iphone|203\\.0|${user.email}|${slug}|${named.externalId}`, 'i'),
  )
})
