import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { asOperator, day, openTimeTravel, type TimeTravel } from './capabilities/lifecycle/service.fixture.ts'
import { reactivateDue, scheduledJobs } from './jobs.ts'

let installation: TimeTravel
beforeAll(async () => {
  installation = await openTimeTravel()
})
afterAll(() => installation.close())

async function suspendedFor(days: number) {
  installation.travelTo(0)
  const { id } = await installation.createTenant()
  const until = new Date(Date.now() + days * day).toISOString()
  await asOperator(installation).tenants.suspend({ tenantId: id, reason: 'unpaid', until })
  return id
}
const statusOf = async (tenantId: string) => (await asOperator(installation).tenants.get({ tenantId })).status

test('a suspension whose end has passed is ended by a job, as a system actor, in both logs; no other is', async () => {
  const [due, later] = [await suspendedFor(1), await suspendedFor(9)]
  const { id: open } = await installation.createTenant({ status: 'suspended' })
  expect(await reactivateDue(installation.dependencies)).toBe(0)
  installation.travelTo(2)
  // Up to the job it stays what it was.
  expect(await statusOf(due)).toBe('suspended')

  const job = scheduledJobs(installation.dependencies).find(({ name }) => name === 'tenants.reactivate')
  expect(job?.cron).toBe('* * * * *')
  expect(await job?.run(() => expect.fail('asks nothing as the job role'))).toEqual({ reactivated: 1 })
  expect([await statusOf(due), await statusOf(later), await statusOf(open)]).toEqual([
    'active',
    'suspended',
    'suspended',
  ])
  const byJob = { action: 'tenant.reactivated', actorType: 'system', actorId: 'tenants.reactivate' }
  expect(await installation.auditEntries(due)).toContainEqual(expect.objectContaining(byJob))
  const platform = await installation.platformAuditEntries()
  const reactivations = platform.filter(({ action }) => action === byJob.action)
  expect(reactivations).toMatchObject([{ ...byJob, concernsTenantId: due }])
})

test('several processes at once end each suspension once', async () => {
  const due = await Promise.all(Array.from({ length: 5 }, () => suspendedFor(1)))
  installation.travelTo(2)
  const counts = await Promise.all([1, 2, 3].map(() => reactivateDue(installation.dependencies)))
  expect(counts.reduce((sum, count) => sum + count)).toBe(5)
  for (const id of due) {
    const actions = (await installation.auditEntries(id)).map(({ action }) => action)
    expect(actions).toEqual(['tenant.suspended', 'tenant.reactivated'])
  }
})

test('a suspension that an operator prolongs just then is not ended', async () => {
  const due = await suspendedFor(1)
  installation.travelTo(2)
  const { database } = installation.dependencies
  const until = new Date(Date.now() + 9 * day).toISOString()
  // Between the job's look and its call.
  const prolonging: typeof database.platformUnit = async (unit, work) => {
    const found = await database.platformUnit(unit, work)
    if (Array.isArray(found) && found.some(({ id }) => id === due))
      await asOperator(installation).tenants.suspend({ tenantId: due, reason: randomUUID(), until })
    return found
  }
  const dependencies = { ...installation.dependencies, database: { ...database, platformUnit: prolonging } }
  expect(await reactivateDue(dependencies)).toBe(0)
  expect(await statusOf(due)).toBe('suspended')
})

test('tenants past their retention are purged by a job', async () => {
  installation.travelTo(-31)
  const { id: tenantId } = await installation.createTenant()
  await asOperator(installation).tenants.remove({ tenantId })
  installation.travelTo(0)
  const job = scheduledJobs(installation.dependencies).find(({ name }) => name === 'tenants.purge')
  const outcome = await job?.run(() => expect.fail('asks nothing as the job role'))
  expect(outcome).toEqual({ purged: 1, unfinished: 0, failed: 0 })
})
