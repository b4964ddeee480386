import { newId } from '@tenantry/kernel/tenancy/id'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { callByKey } from '../api-key/service.fixture.ts'
import { acquaint, codeOf, inTenant, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const lastEntry = async (tenantId: string) => (await installation.auditEntries(tenantId)).at(-1)

describe('adding', () => {
  test('makes an existing user a member, who has access at once, and both counts show it', async () => {
    const { tenant, user, caller } = await installation.enter()
    const added = await installation.createUser()
    await acquaint(installation, user, added)
    const theirs = installation.callerAs(added, tenant.id)
    expect(await codeOf(theirs.tenants.info())).toBe('tenant.not_found')
    expect(await caller.tenants.info()).toMatchObject({ memberCount: 1 })
    expect((await caller.tenants.usage()).usersCount).toBe(1)

    const member = await caller.members.add({ ...inTenant, userId: added.id, role: 'member' })
    expect(member).toMatchObject({ userId: added.id, email: added.email, role: 'member', inheritedFrom: null })
    expect(await caller.tenants.info()).toMatchObject({ memberCount: 2 })
    expect((await caller.tenants.usage()).usersCount).toBe(2)
    await expect.poll(() => codeOf(theirs.tenants.info()), { timeout: 1_500 }).toBe('ok')
    const changes = (await installation.auditEntries(tenant.id)).filter(({ outcome }) => outcome === 'success')
    expect(changes).toMatchObject([
      {
        action: 'member.added',
        actorId: user.id,
        targetId: added.id,
        changes: { role: { before: null, after: 'member' } },
      },
    ])
    expect((await caller.events.list(inTenant)).items[0]?.event).toMatchObject({
      type: 'member.added',
      userId: added.id,
      role: 'member',
    })
  })

  test('takes an id or address of whom the caller shares a tenant with, and tells of nobody else', async () => {
    const { user, caller } = await installation.enter()
    const shared = await installation.createTenant()
    await installation.addMember(shared.id, user.id, 'viewer')
    const colleague = await installation.createMember(shared.id, 'viewer')
    const stranger = (await installation.enter()).user
    const known = { ...inTenant, email: colleague.email.toUpperCase(), role: 'viewer' } as const
    expect(await caller.members.add(known)).toMatchObject({ userId: colleague.id })

    const refusals = []
    for (const named of [{ email: 'nobody@people.test' }, { email: stranger.email }, { userId: stranger.id }])
      refusals.push(await refusalOf(caller.members.add({ ...inTenant, ...named, role: 'viewer' })))
    const [ofNobody, ...ofStranger] = refusals.map((refusal) => ({ ...refusal, message: refusal.message }))
    expect(ofNobody).toMatchObject({ code: 'member.unknown_user', kind: 'not_found' })
    expect(ofStranger).toEqual([ofNobody, ofNobody])
  })

  test('takes any address from an operator', async () => {
    const tenant = await installation.createTenant()
    const user = await installation.createUser()
    const added = installation
      .callerAs(operator, tenant.id)
      .members.add({ ...inTenant, email: user.email, role: 'owner' })
    expect(await added).toMatchObject({ userId: user.id, role: 'owner' })
    expect((await installation.platformAuditEntries()).at(-1)).toMatchObject({
      action: 'member.added',
      concernsTenantId: tenant.id,
    })
  })

  test('refuses who is none, who is one already, and both or neither of the names', async () => {
    const { user, caller } = await installation.enter()
    const add = (named: object) => codeOf(caller.members.add({ ...inTenant, role: 'viewer', ...named }))
    expect(await add({ userId: newId() })).toBe('member.unknown_user')
    expect(await add({ userId: user.id })).toBe('member.already_member')
    const nothing = { ...inTenant } as unknown as Parameters<typeof caller.members.add>[0]
    const { details } = await refusalOf(caller.members.add(nothing))
    expect((details as { issues: { path: string }[] }).issues.map(({ path }) => path).toSorted()).toEqual([
      'role',
      'userId',
    ])
    expect(await add({ userId: user.id, email: user.email })).toBe('request.invalid')
  })

  test('gives a membership of their own to who is one by inheritance', async () => {
    const { tenant: parent } = await installation.enter()
    const { caller } = await installation.enter({ parent })
    const above = await installation.createMember(parent.id, 'admin')
    const added = await caller.members.add({ ...inTenant, userId: above.id, role: 'owner' })
    expect(added).toMatchObject({ role: 'owner', inheritedFrom: null })
  })
})

describe('limits', () => {
  const free = { plan: 'free' } as const

  test('let five users on free, and not a sixth, even where two are added at once', async () => {
    const { tenant, user, caller } = await installation.enter(free)
    for (let count = 0; count < 3; count++) await installation.createMember(tenant.id, 'viewer')
    const users = [await installation.createUser(), await installation.createUser()]
    await acquaint(installation, user, ...users)
    const answers = users.map(({ id }) => refusedOr(caller.members.add({ ...inTenant, userId: id, role: 'viewer' })))
    const refused = (await Promise.all(answers)).filter((answer) => answer !== null)
    expect(refused).toMatchObject([
      { code: 'usage.limit_exceeded', status: 429, details: { meter: 'users', limit: 5, used: 5 } },
    ])
    expect(await caller.tenants.info()).toMatchObject({ memberCount: 5 })
  })

  test('let one admin on free, however they become one', async () => {
    const { tenant, user, caller } = await installation.enter(free)
    const member = await installation.createMember(tenant.id, 'member')
    const other = await installation.createUser()
    await acquaint(installation, user, other)
    const admins = { code: 'usage.limit_exceeded', details: { meter: 'admins', limit: 1, used: 1 } }
    const named = { ...inTenant, userId: member.id }
    expect(await refusalOf(caller.members.update({ ...named, role: 'admin' }))).toMatchObject(admins)
    expect(await refusalOf(caller.members.add({ ...inTenant, userId: other.id, role: 'admin' }))).toMatchObject(admins)
    expect(await refusalOf(caller.members.transferOwnership(named))).toMatchObject(admins)
    const { owner, formerOwner } = await caller.members.transferOwnership({ ...named, keepRole: 'member' })
    expect(owner).toMatchObject({ userId: member.id, role: 'owner' })
    expect(formerOwner).toMatchObject({ userId: user.id, role: 'member' })
  })

  const refusedOr = (answer: Promise<unknown>) =>
    answer.then(
      () => null,
      (error) => error,
    )
})

describe('changing and removing', () => {
  test('a change of role holds at once, and is written down with what was before', async () => {
    const { tenant, caller } = await installation.enter()
    const member = await installation.createMember(tenant.id, 'viewer')
    const theirs = installation.callerAs(member, tenant.id)
    expect(await theirs.tenants.info()).toMatchObject({ userRole: 'viewer' })
    const changed = await caller.members.update({ ...inTenant, userId: member.id, role: 'admin' })
    expect(changed).toMatchObject({ userId: member.id, role: 'admin' })
    await expect(theirs.tenants.info()).resolves.toMatchObject({ userRole: 'admin' })
    expect(await lastEntry(tenant.id)).toMatchObject({
      action: 'member.role_changed',
      targetId: member.id,
      changes: { role: { before: 'viewer', after: 'admin' } },
    })
    const child = await installation.createTenant({ parent: tenant })
    expect(await installation.callerAs(member, child.id).tenants.info()).toMatchObject({ userRole: 'admin' })
    await caller.members.update({ ...inTenant, userId: member.id, role: 'viewer' })
    expect(await codeOf(installation.callerAs(member, child.id).tenants.info())).toBe('tenant.not_found')
  })

  test('a removal ends the access of the user, below too, and of the keys they made', async () => {
    const { tenant, caller } = await installation.enter()
    const child = await installation.createTenant({ parent: tenant })
    const admin = await installation.createMember(tenant.id, 'admin')
    const theirs = installation.callerAs(admin, tenant.id)
    const { id, key } = await theirs.apiKeys.create({ ...inTenant, name: 'Theirs', scopes: ['tenant:read'] })
    const callWithKey = () => codeOf(callByKey(installation.dependencies, key).tenants.info())
    expect(await callWithKey()).toBe('ok')

    const removed = await caller.members.remove({ ...inTenant, userId: admin.id })
    expect(removed).toEqual({ userId: admin.id, removedAt: expect.any(String), revokedKeyCount: 1 })
    expect(await codeOf(theirs.tenants.info())).toBe('tenant.not_found')
    expect(await codeOf(installation.callerAs(admin, child.id).tenants.info())).toBe('tenant.not_found')
    expect(await callWithKey()).toBe('auth.unauthenticated')
    expect(await caller.tenants.info()).toMatchObject({ memberCount: 1 })
    expect(await installation.auditEntries(tenant.id)).toContainEqual(
      expect.objectContaining({
        action: 'member.removed',
        targetId: admin.id,
        changes: { role: { before: 'admin', after: null }, [`apiKeys.${id}`]: { before: 'Theirs', after: null } },
      }),
    )
  })

  test('an admin changes neither another admin nor an owner, and makes no owner', async () => {
    const { tenant, user: owner } = await installation.enter()
    const [admin, other, member] = [
      await installation.createMember(tenant.id, 'admin'),
      await installation.createMember(tenant.id, 'admin'),
      await installation.createMember(tenant.id, 'member'),
    ]
    const { members } = installation.callerAs(admin, tenant.id)
    const change = (userId: string, role: 'owner' | 'admin' | 'viewer') =>
      codeOf(members.update({ ...inTenant, userId, role }))
    expect(await change(other.id, 'viewer')).toBe('auth.permission_denied')
    expect(await change(owner.id, 'viewer')).toBe('auth.permission_denied')
    expect(await change(member.id, 'owner')).toBe('auth.permission_denied')
    expect(await codeOf(members.remove({ ...inTenant, userId: other.id }))).toBe('auth.permission_denied')
    expect(await codeOf(members.remove({ ...inTenant, userId: owner.id }))).toBe('auth.permission_denied')
    expect(await change(member.id, 'admin')).toBe('ok')
    expect(await change(admin.id, 'owner')).toBe('auth.permission_denied')
    expect(await change(admin.id, 'viewer')).toBe('ok')
  })

  test('a key grants no role that holds more than the key', async () => {
    const { tenant, caller } = await installation.enter()
    const { key } = await caller.apiKeys.create({ ...inTenant, name: 'Narrow', scopes: ['members:manage'] })
    const user = await installation.createUser()
    const added = callByKey(installation.dependencies, key).members.add({
      tenantId: tenant.id,
      userId: user.id,
      role: 'viewer',
    })
    expect(await codeOf(added)).toBe('auth.permission_denied')
  })

  test('what is inherited is changed above, and the refusal says where', async () => {
    const { tenant: parent, user: owner } = await installation.enter()
    const { caller } = await installation.enter({ parent })
    const named = { ...inTenant, userId: owner.id }
    const refusal = { code: 'member.inherited', status: 409, details: { ancestorId: parent.id } }
    expect(await refusalOf(caller.members.update({ ...named, role: 'viewer' }))).toMatchObject(refusal)
    const removed = await refusalOf(caller.members.remove(named))
    expect(removed).toMatchObject(refusal)
    expect(removed.message).toContain(parent.id)
  })

  test('who is no member is none, whoever it is', async () => {
    const { caller } = await installation.enter()
    const { user: stranger } = await installation.enter()
    for (const userId of [stranger.id, newId()]) {
      const named = { ...inTenant, userId }
      expect(await codeOf(caller.members.get(named))).toBe('member.not_found')
      expect(await codeOf(caller.members.update({ ...named, role: 'viewer' }))).toBe('member.not_found')
      expect(await codeOf(caller.members.remove(named))).toBe('member.not_found')
      expect(await codeOf(caller.members.transferOwnership(named))).toBe('member.not_found')
    }
  })
})
