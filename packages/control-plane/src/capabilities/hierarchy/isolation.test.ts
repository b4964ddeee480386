import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const inputs = { 'tenants.move': { parentId: null, reason: 'They were sold' } }
for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))

const questions = {
  children: 'select tenant_id from directory.children(null, 100)',
  subtree: 'select tenant_id from directory.subtree(8, 100)',
  descendants: 'select directory.descendants() as tenant_id',
  usage: `select people from hierarchy.subtree_usage('2000-01-01', '2100-01-01')`,
  inherited: 'select tenant_id from hierarchy.inherited_settings()',
  list: `select tenant_id from directory.list_tenants(null, 100, null, null, null, null, '')`,
}

/** root → child with a viewer above and an owner below. */
async function makeFamily() {
  const { tenant: root } = await installation.enter()
  const child = await installation.createTenant({ parent: root })
  const viewer = await installation.createMember(root.id, 'viewer')
  const childOwner = await installation.createMember(child.id, 'owner')
  await installation
    .callerAs(operator)
    .settings.updateInheritance({ tenantId: root.id, defaults: { branding: { footerText: 'Root' } } })
  return { root, child, viewer, childOwner }
}

async function ask(unit: { tenantId: string; userId?: string }): Promise<Record<string, unknown[]>> {
  const { tenantId, userId } = unit
  const actor = userId
    ? ({ type: 'user', id: userId, email: null, name: null } as const)
    : ({ type: 'system', name: 'injected' } as const)
  return installation.database.tenantUnit({ tenantId, actor, readOnly: true }, async (em) => {
    const answers: Record<string, unknown[]> = {}
    for (const [name, sql] of Object.entries(questions)) {
      const rows = await em.execute<Record<string, unknown>[]>(sql)
      answers[name] = rows.flatMap((row) => Object.values(row))
    }
    return answers
  })
}

test('SQL in a transaction of the parent shows a viewer without inheritable role nobody below, and no sum', async () => {
  const { root, child, viewer } = await makeFamily()
  const nothing = { children: [], subtree: [root.id], usage: [], inherited: [] }
  expect(await ask({ tenantId: root.id, userId: viewer.id })).toMatchObject({ ...nothing, list: [root.id] })
  expect(await ask({ tenantId: root.id })).toMatchObject({ ...nothing, list: [], descendants: [child.id] })
})

test('SQL in a transaction of the child shows of its parent only what it hands down', async () => {
  const { root, child, childOwner } = await makeFamily()
  await installation.createTenant({ parent: root })
  expect(await ask({ tenantId: child.id, userId: childOwner.id })).toEqual({
    children: [],
    subtree: [child.id],
    descendants: [],
    usage: ['1'],
    inherited: [root.id],
    list: [child.id],
  })
})

test('without a signed tenant every function answers nothing, and none moves', async () => {
  const { urls } = installation.testDatabase
  await makeFamily()
  for (const [role, url] of Object.entries({ app: urls.tenantry_app, platform: urls.tenantry_platform })) {
    const client = new pg.Client(url)
    await client.connect()
    for (const [name, sql] of Object.entries(questions)) {
      if (name === 'list' && role === 'platform') continue
      expect((await client.query(sql)).rows, `${name} as ${role}`).toEqual([])
    }
    const move = client.query('select * from hierarchy.move_tenant(null, 8, now())')
    await expect(move, role).rejects.toMatchObject({ code: '42501' })
    await client.end()
  }
})

test('a tenant that the application works in cannot be moved by it', async () => {
  const { child } = await makeFamily()
  const actor = { type: 'system', name: 'injected' } as const
  const move = installation.database.tenantUnit({ tenantId: child.id, actor, readOnly: false }, (em) =>
    em.execute('select * from hierarchy.move_tenant(null, 8, now())'),
  )
  await expect(move).rejects.toMatchObject({ code: '42501' })
})
