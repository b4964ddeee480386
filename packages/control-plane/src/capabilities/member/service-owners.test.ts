import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { codeOf, everyMember, inTenant, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const ownersOf = async (tenantId: string) => everyMember(installation.callerAs(operator, tenantId), { role: 'owner' })

test('the last owner is neither removed, nor demoted, nor lets go', async () => {
  const { tenant, user, caller } = await installation.enter()
  const named = { ...inTenant, userId: user.id }
  for (const attempt of [
    () => caller.members.remove(named),
    () => caller.members.update({ ...named, role: 'admin' }),
    () => caller.members.leave(inTenant),
    () => installation.callerAs(operator, tenant.id).members.remove(named),
  ])
    expect(await refusalOf(attempt())).toMatchObject({ code: 'member.last_owner', status: 409 })
  expect(await ownersOf(tenant.id)).toHaveLength(1)
})

test.each(['demote', 'remove', 'leave'] as const)('two owners who %s at once leave one', async (how) => {
  for (let turn = 0; turn < 5; turn++) {
    const { tenant, user: one } = await installation.enter()
    const other = await installation.createMember(tenant.id, 'owner')
    const act = (caller: typeof one, about: typeof one) => {
      const { members } = installation.callerAs(caller, tenant.id)
      const named = { ...inTenant, userId: about.id }
      if (how === 'demote') return codeOf(members.update({ ...named, role: 'viewer' }))
      return codeOf(how === 'remove' ? members.remove(named) : members.leave(inTenant))
    }
    const answers = await Promise.all([act(one, other), act(other, one)])
    expect(answers.toSorted()).toEqual([expect.not.stringMatching(/^ok$/), 'ok'])
    expect(await ownersOf(tenant.id)).toHaveLength(1)
  }
})

test('who leaves has no access any more, and it is written down', async () => {
  const { tenant } = await installation.enter()
  const member = await installation.createMember(tenant.id, 'viewer')
  const theirs = installation.callerAs(member, tenant.id)
  expect(await theirs.members.leave(inTenant)).toMatchObject({ userId: member.id })
  expect(await codeOf(theirs.tenants.info())).toBe('tenant.not_found')
  expect((await installation.auditEntries(tenant.id)).at(-2)).toMatchObject({
    action: 'member.left',
    actorId: member.id,
    changes: { role: { before: 'viewer', after: null } },
  })
})

test('nobody leaves what they inherit, and nobody leaves who is no person', async () => {
  const { tenant: parent, user } = await installation.enter()
  const child = await installation.createTenant({ parent })
  const inherited = await refusalOf(installation.callerAs(user, child.id).members.leave(inTenant))
  expect(inherited).toMatchObject({ code: 'member.inherited', details: { ancestorId: parent.id } })
  const service = installation.callerAs({ type: 'service', name: 'billing' }, child.id)
  expect(await codeOf(service.members.leave(inTenant))).toBe('auth.permission_denied')
})

test('the ownership goes to a member in one step, and the former owner stays as an admin', async () => {
  const { tenant, user, caller } = await installation.enter()
  const heir = await installation.createMember(tenant.id, 'viewer')
  const answer = await caller.members.transferOwnership({ ...inTenant, userId: heir.id })
  expect(answer).toMatchObject({
    owner: { userId: heir.id, role: 'owner' },
    formerOwner: { userId: user.id, role: 'admin' },
  })
  const details = { from: user.id, to: heir.id }
  const changes = [
    { targetId: heir.id, changes: { role: { before: 'viewer', after: 'owner' } }, details },
    { targetId: user.id, changes: { role: { before: 'owner', after: 'admin' } }, details },
  ]
  expect(await installation.auditEntries(tenant.id)).toMatchObject(
    changes.map((entry) => ({ action: 'member.ownership_transferred', ...entry })),
  )
  expect(await codeOf(caller.members.transferOwnership({ ...inTenant, userId: heir.id }))).toBe(
    'auth.permission_denied',
  )
})

test('an owner may go on owning it together, and takes it from nobody else', async () => {
  const { tenant, user, caller } = await installation.enter()
  const [heir, other] = [
    await installation.createMember(tenant.id, 'member'),
    await installation.createMember(tenant.id, 'owner'),
  ]
  const shared = await caller.members.transferOwnership({ ...inTenant, userId: heir.id, keepRole: 'owner' })
  expect(shared).toMatchObject({ owner: { userId: heir.id }, formerOwner: null })
  expect((await ownersOf(tenant.id)).map(({ userId }) => userId).toSorted()).toEqual(
    [user.id, heir.id, other.id].toSorted(),
  )
  expect(await codeOf(caller.members.transferOwnership({ ...inTenant, userId: user.id }))).toBe('request.invalid')
})

test('an operator gives a tenant another owner, and its only owner makes room', async () => {
  const { tenant, user } = await installation.enter()
  const heir = await installation.createMember(tenant.id, 'admin')
  const { members } = installation.callerAs(operator, tenant.id)
  const answer = await members.transferOwnership({ ...inTenant, userId: heir.id, keepRole: 'viewer' })
  expect(answer).toMatchObject({ owner: { userId: heir.id }, formerOwner: { userId: user.id, role: 'viewer' } })
})

test('nobody is made an owner who is no member of the tenant itself', async () => {
  const { tenant: parent } = await installation.enter()
  const above = await installation.createMember(parent.id, 'admin')
  const { caller } = await installation.enter({ parent })
  expect(await codeOf(caller.members.transferOwnership({ ...inTenant, userId: above.id }))).toBe('member.inherited')
})
