import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { asOperator, openPurgeTrial, type PurgeTrial } from './service.fixture.ts'

let trial: PurgeTrial
beforeAll(async () => {
  trial = await openPurgeTrial()
})
beforeEach(() => trial.travelTo(0))
afterAll(() => trial.close())

const operators = () => asOperator(trial).tenants
const reason = 'It was a mistake.'

describe('a tenant below one that is being deleted', () => {
  test('is not restored before that one is', async () => {
    const parent = await trial.createTenant()
    const child = await trial.createTenant({ parent })
    await operators().remove({ tenantId: child.id })
    await operators().remove({ tenantId: parent.id })
    const restoring = operators().restore({ tenantId: child.id, reason })
    await expect(restoring).rejects.toMatchObject({
      code: 'tenant.invalid_transition',
      message: expect.stringContaining('above'),
    })
    await operators().restore({ tenantId: parent.id, reason })
    expect(await operators().restore({ tenantId: child.id, reason })).toMatchObject({ status: 'active' })
  })

  test('can be moved away, changed and restored by operators', async () => {
    const parent = await trial.createTenant()
    const child = await trial.createTenant({ parent })
    await operators().remove({ tenantId: child.id })
    await operators().remove({ tenantId: parent.id })
    await operators().update({ tenantId: child.id, plan: 'free' })
    expect(await operators().move({ tenantId: child.id, parentId: null, reason })).toMatchObject({ parentId: null })
    expect(await operators().restore({ tenantId: child.id, reason })).toMatchObject({ status: 'active' })
  })
})

const waiting = async () =>
  (await trial.admin.query(`select from pg_locks where locktype = 'advisory' and not granted`)).rowCount

test.each(['made below it', 'moved below it'])(
  'a tenant that is deleted while another is %s: one of both is refused',
  async (how) => {
    const parent = await trial.createTenant()
    const other = await trial.createTenant()
    onTestFinished(async () => void (await trial.admin.query('rollback')))
    await trial.admin.query(`begin; select pg_advisory_xact_lock(hashtextextended('tenant hierarchy', 0))`)
    const slug = `w${randomBytes(6).toString('hex')}`
    const job = trial.callerAs({ type: 'system', name: 'import' }).tenants
    const coming: Promise<unknown> =
      how === 'made below it'
        ? job.create({ name: slug, slug, parentId: parent.id, ownerEmail: 'a@b.test' })
        : job.move({ tenantId: other.id, parentId: parent.id, reason })
    await expect.poll(waiting).toBe(1)
    const removing = operators().remove({ tenantId: parent.id })
    await expect.poll(waiting).toBe(2)
    await trial.admin.query('commit')
    const settled = await Promise.allSettled([coming, removing])
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  },
)

test('a move tells the version that the tenant then has, whatever else changed it meanwhile', async () => {
  const [tenant, parent] = [await trial.createTenant(), await trial.createTenant()]
  onTestFinished(async () => void (await trial.admin.query('rollback')))
  await trial.admin.query('begin')
  await trial.admin.query('update tenantry.tenants set version = version + 1 where id = $1', [tenant.id])
  const moving = operators().move({ tenantId: tenant.id, parentId: parent.id, reason })
  await expect.poll(async () => (await trial.admin.query('select from pg_locks where not granted')).rowCount).toBe(1)
  await trial.admin.query('commit')
  const moved = await moving
  expect(moved.version).toBe((await trial.rowOf(tenant.id)).version)
})
