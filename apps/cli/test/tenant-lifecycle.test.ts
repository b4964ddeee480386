import { openTestInstallation, type TestInstallation } from '@tenantry/control-plane/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { environmentOf, type } from './cli.fixture.ts'

vi.setConfig({ testTimeout: 30_000 })

let installation: TestInstallation
let environment: NodeJS.ProcessEnv
let admin: pg.Client

beforeAll(async () => {
  installation = await openTestInstallation()
  environment = environmentOf(installation)
  admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await installation.close()
})

const json = async (typed: string) => JSON.parse((await type(`${typed} --json`, environment)).out)

test('a tenant is suspended and reactivated by slug, and its audit log says by whom and why', async () => {
  const { id, slug } = await installation.createTenant()
  expect(await type(`tenant suspend ${slug} --reason Unpaid`, environment)).toMatchObject({
    code: 0,
    out: `${slug} is suspended.\n`,
  })
  const until = '2100-01-01T00:00:00.000Z'
  expect(await json(`tenant suspend ${slug} --reason Unpaid --until ${until}`)).toMatchObject({ statusUntil: until })
  expect(await json(`tenant reactivate ${id} --reason Paid`)).toMatchObject({ status: 'active' })
  const sql = 'select action, actor_type, actor_id from tenantry.audit_entries where tenant_id = $1 order by id'
  const { rows } = await admin.query(sql, [id])
  const by = { actor_type: 'system', actor_id: 'cli' }
  for (const action of ['tenant.suspended', 'tenant.reactivated']) expect(rows).toContainEqual({ action, ...by })
})

test('a tenant is deleted and restored, and purged once its retention is over, with a report of every table', async () => {
  const { id, slug } = await installation.createTenant()
  expect((await type(`tenant delete ${slug} --reason Ended`, environment)).out).toMatch(
    / is deleting, to be restored until /,
  )
  expect(await json(`tenant restore ${id} --reason Mistake`)).toMatchObject({ status: 'active', deleteAfter: null })
  const early = await type(`tenant purge ${id}`, environment)
  expect(early).toMatchObject({ code: 1, error: expect.stringContaining('it is active; delete it first') })
  await type(`tenant delete ${id}`, environment)
  const kept = await type(`tenant purge ${id}`, environment)
  expect(kept).toMatchObject({ code: 1, error: expect.stringContaining('it can be restored until') })

  await admin.query(`update tenantry.tenants set delete_after = now() - interval '1 second' where id = $1`, [id])
  const { code, out } = await type(`tenant purge ${id}`, environment)
  expect(code).toBe(0)
  expect(out).toMatch(/^TABLE +COUNTED +DELETED +LEFT\n/)
  expect(out).toMatch(/^tenantry\.events +3 +3 +0$/m)
  expect(await type(`tenant purge ${id}`, environment)).toMatchObject({
    code: 1,
    error: expect.stringContaining('tenant.not_found'),
  })
})

test('what cannot be done is told by its code, and a wrong value by its option', async () => {
  const { slug } = await installation.createTenant()
  expect(await type(`tenant restore ${slug} --reason Why`, environment)).toMatchObject({
    code: 1,
    error: expect.stringContaining('(tenant.invalid_transition)'),
  })
  expect(await type(`tenant suspend ${slug} --reason Unpaid --until soon`, environment)).toMatchObject({
    code: 2,
    error: expect.stringMatching(/\n {2}--until: /),
  })
  expect(await type(`tenant suspend ${slug}`, environment)).toMatchObject({ code: 2 })
})
