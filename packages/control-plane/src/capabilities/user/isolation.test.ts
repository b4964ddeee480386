import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { codeOf } from '../member/service.fixture.ts'
import * as contract from './contract.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const userId = randomUUID()
const said = { userId, reason: 'They asked for it.' }
const inputs = {
  'users.get': { userId },
  'users.deactivate': said,
  'users.reactivate': said,
  'users.export': { userId },
  'users.erase': said,
}
for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))

test('nobody but operators reaches the directory of users, whatever they are in a tenant', async () => {
  const { tenant, user } = await installation.enter()
  const callers = [user, { type: 'service', name: 'billing' }] as const
  for (const caller of callers) {
    const { users } = installation.callerAs(caller, tenant.id)
    const named = { userId: user.id }
    for (const attempt of [
      () => users.list({}),
      () => users.get(named),
      () => users.export(named),
      () => users.deactivate({ ...named, reason: 'x' }),
      () => users.reactivate({ ...named, reason: 'x' }),
      () => users.erase(named),
    ])
      expect(await codeOf(attempt())).toBe('auth.permission_denied')
  }
})

const application = { type: 'system', name: 'isolation' } as const
const erasing = (id: string) => `select lifecycle.erase_person('${id}')`

test('the log of a tenant is rewritten by no tenant, and by an operator in no other than the signed one', async () => {
  const { tenant, user, caller } = await installation.enter()
  await caller.tenants.update({ tenantId: tenant.id, name: 'Acme Bakery' })
  const { database } = installation
  const unit = { tenantId: tenant.id, readOnly: false }
  // As the application; as an operator whose own context is not signed; as an operator in no tenant; in another one.
  await expect(
    database.tenantUnit({ ...unit, actor: application }, (em) => em.execute(erasing(user.id))),
  ).rejects.toThrow(/permission denied/)
  await expect(database.tenantUnit({ ...unit, actor: operator }, (em) => em.execute(erasing(user.id)))).rejects.toThrow(
    /signed tenant and a signed operator/,
  )
  await expect(
    database.platformUnit({ actor: operator, readOnly: false }, (em) => em.execute(erasing(user.id))),
  ).rejects.toThrow(/signed tenant and a signed operator/)
  await expect(
    database.tenantUnit({ ...unit, actor: application }, (em) =>
      em.execute('select directory.erase_user(?, now())', [user.id]),
    ),
  ).rejects.toThrow(/permission denied/)
  await expect(
    database.tenantUnit({ ...unit, actor: operator }, (em) =>
      em.execute('select directory.erase_user(?, now())', [user.id]),
    ),
  ).rejects.toThrow(/signed operator/)
  const other = await installation.createTenant()
  await database.platformUnit({ actor: operator, readOnly: false, tenantId: other.id }, (em) =>
    em.execute(erasing(user.id)),
  )
  expect(await installation.auditEntries(tenant.id)).toMatchObject([{ actorEmail: user.email }])
})

test('a platform unit goes on in one tenant after the other, writes nowhere else, and sees all again afterwards', async () => {
  const [one, other] = [await installation.createTenant(), await installation.createTenant()]
  const { database } = installation
  const rename = (name: string) =>
    `with renamed as (update tenantry.tenants set tags = array['${name}'] returning id) select id from renamed`
  await database.platformUnit({ actor: operator, readOnly: false }, async (em) => {
    for (const { id } of [one, other]) {
      const work = () => em.execute(rename('erased'))
      expect(await database.inTenant(em, { tenantId: id, actor: operator, spansTenants: true }, work)).toEqual([{ id }])
    }
    expect(await em.execute(rename('everywhere'))).toEqual([])
    const seen = await em.execute<{ id: string }[]>('select id from tenantry.tenants')
    expect(seen.map(({ id }) => id)).toEqual(expect.arrayContaining([one.id, other.id]))
  })
  const asUser = database.userUnit({ userId: randomUUID(), readOnly: false }, (em) =>
    database.inTenant(em, { tenantId: one.id, actor: operator, spansTenants: false }, async () => undefined),
  )
  await expect(asUser).rejects.toThrow(/Only tenant and platform units/)
})

test('an identity is told of its own state and of nobody else’s', async () => {
  const user = await installation.createUser()
  const read = (digest: string) =>
    installation.database.identityUnit(digest, (em) =>
      em.execute('select state from directory.user_state(?, ?)', [installation.issuer.issuer, user.email]),
    )
  expect(await read('a'.repeat(64))).toEqual([])
  const inTenant = { tenantId: (await installation.createTenant()).id, actor: application, readOnly: true }
  const asTenant = installation.database.tenantUnit(inTenant, (em) =>
    em.execute('select state from directory.user_state(?, ?)', [installation.issuer.issuer, user.email]),
  )
  expect(await asTenant).toEqual([])
})
