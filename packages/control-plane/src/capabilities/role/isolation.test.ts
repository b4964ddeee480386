import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { findMemberAccess, listReachableTenants } from '../access/repository.ts'
import * as contract from './contract.ts'
import { CustomRole, RoleAssignment } from './entity.ts'
import { assign, create } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const [userId, roleId] = [newId(), newId()]
const inputs = {
  'roles.create': { name: 'Any', scopes: ['tenant:read'] },
  'roles.update': { roleId, name: 'Any' },
  'roles.remove': { roleId },
  'userRoles.list': { userId },
  'userRoles.add': { userId, roleId },
  'userRoles.remove': { userId, roleId },
}

for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))

test('a role of another tenant is none: it is not listed, changed, given out or deleted', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  const role = await create(there.caller)
  const member = await installation.createMember(here.tenant.id, 'viewer')
  const { roles, userRoles } = here.caller
  const foreign = { tenantId: 'current', roleId: role.id }
  expect((await roles.list({ tenantId: 'current' })).items).toEqual([])
  for (const tried of [
    () => roles.update({ ...foreign, name: 'Mine' }),
    () => roles.remove({ ...foreign, reassignTo: 'none' }),
    () => userRoles.add({ ...foreign, userId: member.id }),
    () => userRoles.remove({ ...foreign, userId: member.id }),
  ]) {
    await expect(tried()).rejects.toMatchObject({ code: 'role.not_found' })
  }
})

test('the database itself joins no member of one tenant with a role of another', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  const role = await create(there.caller)
  const unit = { tenantId: here.tenant.id, actor: operator, readOnly: false }
  for (const pair of [
    { userId: here.user.id, roleId: role.id },
    { userId: there.user.id, roleId: role.id },
  ]) {
    const forged = installation.database.tenantUnit(unit, (em) =>
      em.persist(em.create(RoleAssignment, { ...pair, assignedAt: new Date() })).flush(),
    )
    await expect(forged).rejects.toMatchObject({ code: '23503' })
  }
})

test('a role that holds the ownership is refused by the database too', async () => {
  const { tenant } = await installation.enter()
  const unit = { tenantId: tenant.id, actor: operator, readOnly: false }
  const now = new Date()
  const forged = installation.database.tenantUnit(unit, (em) =>
    em.persist(em.create(CustomRole, { name: 'King', scopes: ['tenant:own'], createdAt: now, updatedAt: now })).flush(),
  )
  await expect(forged).rejects.toMatchObject({ code: '23514' })
})

test('what roles somebody holds is told under their own signature only', async () => {
  const { tenant, caller } = await installation.enter()
  const member = await installation.createMember(tenant.id, 'viewer')
  await assign(caller, member.id, (await create(caller, ['usage:adjust'])).id)
  const stranger = (await installation.enter()).user
  const ask = (id: string) =>
    installation.database.userUnit({ userId: id, readOnly: true }, async (em) => ({
      access: (await findMemberAccess(em, tenant.id))?.customRoles.map(({ scopes }) => scopes),
      reachable: (await listReachableTenants(em)).flatMap(({ customRoles }) => customRoles),
      roles: await em.count(CustomRole).catch(() => 'refused'),
    }))
  expect(await ask(member.id)).toMatchObject({ access: [['usage:adjust']], reachable: [{ tenantId: tenant.id }] })
  expect(await ask(stranger.id)).toMatchObject({ access: undefined, reachable: [] })
})
