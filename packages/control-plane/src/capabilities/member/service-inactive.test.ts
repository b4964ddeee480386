import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { invite, invited } from '../invitation/service.fixture.ts'
import { codeOf, inTenant, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const users = () => installation.callerAs(operator).users
const deactivate = (userId: string) => users().deactivate({ userId, reason: 'Laptop stolen' })

test('whoever was erased is unknown, and whoever was deactivated is refused, by whichever way they would come in', async () => {
  const { tenant, user, caller } = await installation.enter()
  const other = await installation.enter()
  await installation.addMember(other.tenant.id, user.id, 'owner')
  const [erased, locked] = [await installation.createUser(), await installation.createMember(other.tenant.id, 'member')]
  await users().erase({ userId: erased.id })
  await deactivate(locked.id)
  const operators = installation.callerAs(operator, tenant.id)
  for (const { members } of [caller, operators]) {
    const add = (userId: string) => codeOf(members.add({ ...inTenant, userId, role: 'owner' }))
    expect(await add(erased.id)).toBe('member.unknown_user')
    expect(await add(locked.id)).toBe('member.deactivated')
  }
  expect(await codeOf(invite(caller, locked.email))).toBe('member.deactivated')
  const transfer = { tenantId: other.tenant.id, toTenantId: tenant.id, userIds: [locked.id], mode: 'copy' as const }
  const { results } = await installation.callerAs(user).members.transfer(transfer)
  expect(results).toMatchObject([{ outcome: 'refused', code: 'member.deactivated' }])
  const heir = { tenantId: other.tenant.id, userId: locked.id }
  expect(await codeOf(installation.callerAs(user).members.transferOwnership(heir))).toBe('member.deactivated')
  expect(await caller.members.list(inTenant)).toMatchObject({ items: [{ userId: user.id, state: 'active' }] })
})

test('an addition and an erasure at once leave nobody erased a member', async () => {
  for (let turn = 0; turn < 5; turn++) {
    const tenant = await installation.createTenant()
    const { id: userId } = await installation.createUser()
    const { members } = installation.callerAs(operator, tenant.id)
    await Promise.all([codeOf(members.add({ ...inTenant, userId, role: 'member' })), users().erase({ userId })])
    expect(await codeOf(members.get({ ...inTenant, userId }))).toBe('member.not_found')
  }
})

test('an owner who was deactivated is none that a tenant is left with', async () => {
  const { tenant, user, caller } = await installation.enter()
  const second = await installation.createMember(tenant.id, 'owner')
  expect(await deactivate(second.id)).toMatchObject({ state: 'deactivated', soleOwnerOf: [] })
  const named = { ...inTenant, userId: user.id }
  for (const attempt of [
    () => caller.members.leave(inTenant),
    () => caller.members.remove(named),
    () => caller.members.update({ ...named, role: 'viewer' }),
    () => installation.callerAs(operator, tenant.id).members.remove(named),
  ])
    expect(await refusalOf(attempt())).toMatchObject({ code: 'member.last_owner', status: 409 })
  expect(await refusalOf(users().erase({ userId: user.id }))).toMatchObject({
    code: 'user.last_owner',
    details: { tenants: [tenant.slug] },
  })
  expect(await caller.members.get({ ...inTenant, userId: second.id })).toMatchObject({
    role: 'owner',
    state: 'deactivated',
  })
  expect(await codeOf(caller.members.remove({ ...inTenant, userId: second.id }))).toBe('ok')
})

test('who deactivates the only owner is told whose, and an heir takes their place', async () => {
  const { tenant, user } = await installation.enter()
  const heir = await installation.createMember(tenant.id, 'member')
  expect(await deactivate(user.id)).toMatchObject({ soleOwnerOf: [tenant.slug] })
  const { members } = installation.callerAs(operator, tenant.id)
  expect(await members.transferOwnership({ ...inTenant, userId: heir.id })).toMatchObject({
    owner: { userId: heir.id, state: 'active' },
    formerOwner: { userId: user.id, role: 'admin', state: 'deactivated' },
  })
})

test('one owner who leaves while the other is deactivated: the tenant keeps one, or it is told', async () => {
  for (let turn = 0; turn < 5; turn++) {
    const { tenant, caller } = await installation.enter()
    const second = await installation.createMember(tenant.id, 'owner')
    const [left, { soleOwnerOf }] = await Promise.all([codeOf(caller.members.leave(inTenant)), deactivate(second.id)])
    expect([left, soleOwnerOf]).toEqual(left === 'ok' ? ['ok', [tenant.slug]] : ['member.last_owner', []])
  }
})

test('an invitation of somebody who was deactivated meanwhile lets nobody in', async () => {
  const { caller, user, tenant } = await installation.enter()
  await installation.createMember(tenant.id, 'owner')
  const guest = await invited(installation, caller)
  await deactivate(user.id)
  expect(await codeOf(guest.accept())).toBe('invitation.inviter_lost_rights')
  await users().reactivate({ userId: user.id, reason: 'Found again' })
  expect(await codeOf(guest.accept())).toBe('ok')
})

test('an explanation says that somebody was deactivated, and what they would hold', async () => {
  const { tenant, caller } = await installation.enter()
  const locked = await installation.createMember(tenant.id, 'admin')
  await deactivate(locked.id)
  const asked = { tenantId: 'current', userId: locked.id, permission: 'settings:write' }
  const { allowed, role, steps } = await caller.access.explain(asked)
  expect({ allowed, role }).toEqual({ allowed: false, role: 'admin' })
  const outcomes = Object.fromEntries(steps.map(({ step, ...judgement }) => [step, judgement]))
  expect(outcomes).toMatchObject({
    principal: { outcome: 'failed', detail: expect.stringContaining('This account was deactivated') },
    membership: { outcome: 'passed' },
    role: { outcome: 'passed', detail: 'The role admin.' },
    scope: { outcome: 'passed' },
  })
})
