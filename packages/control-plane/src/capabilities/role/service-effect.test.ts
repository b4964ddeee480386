import type { Actor } from '@tenantry/kernel/context/actor'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation, type TestUser } from '../../testing.ts'
import { assign, create } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const actorOf = (user: TestUser): Actor => ({ type: 'user', ...user, name: null })
const accessOf = (user: TestUser, tenantId: string) =>
  installation.dependencies.directory.findAccess(actorOf(user), tenantId)

describe('what a custom role gives', () => {
  test('counts besides the base role, from the next call after it was given until it is taken', async () => {
    const { tenant, caller } = await installation.enter()
    const user = await installation.createMember(tenant.id, 'viewer')
    const asUser = installation.callerAs(user, tenant.id)
    const list = () => asUser.apiKeys.list(current)
    await expect(list()).rejects.toMatchObject({ details: { missingScope: 'keys:read' } })

    const role = await create(caller, ['keys:read'])
    await assign(caller, user.id, role.id)
    await expect(list()).resolves.toMatchObject({ items: [] })
    await caller.roles.update({ ...current, roleId: role.id, scopes: ['audit:read'] })
    await expect(list()).rejects.toMatchObject({ details: { missingScope: 'keys:read' } })
    await caller.roles.update({ ...current, roleId: role.id, baseRole: 'admin' })
    await expect(list()).resolves.toMatchObject({ items: [] })
    await caller.userRoles.remove({ ...current, userId: user.id, roleId: role.id })
    await expect(list()).rejects.toMatchObject({ details: { missingScope: 'keys:read' } })
    await assign(caller, user.id, role.id)
    await expect(list()).resolves.toMatchObject({ items: [] })
    await caller.roles.remove({ ...current, roleId: role.id, reassignTo: 'none' })
    await expect(list()).rejects.toMatchObject({ details: { missingScope: 'keys:read' } })
  })

  test('is explained with the role it comes from', async () => {
    const { tenant, caller } = await installation.enter()
    const user = await installation.createMember(tenant.id, 'viewer')
    const { name, id } = await create(caller, ['keys:read'])
    await assign(caller, user.id, id)
    const asUser = installation.callerAs(user, tenant.id)
    const { allowed, steps } = await asUser.access.explain({ ...current, permission: 'keys:read' })
    expect(allowed).toBe(true)
    expect(steps).toContainEqual(
      expect.objectContaining({ step: 'role', detail: `The role viewer and the custom role ${name}.` }),
    )
    expect(steps).toContainEqual(
      expect.objectContaining({ step: 'scope', detail: `The custom role ${name} holds keys:read.` }),
    )
    const missing = await asUser.access.explain({ ...current, permission: 'keys:manage' })
    expect(missing.steps).toContainEqual(
      expect.objectContaining({ step: 'scope', outcome: 'failed', detail: 'None of the roles holds keys:manage.' }),
    )
  })

  test('is told to its holder by me.get, each scope once, under the first role that gives it', async () => {
    const { tenant, caller } = await installation.enter()
    const user = await installation.createMember(tenant.id, 'viewer')
    const { name, id } = await create(caller, ['keys:read', 'tenant:read'])
    await assign(caller, user.id, id)
    const { memberships } = await installation.callerAs(user).me.get({})
    expect(memberships).toMatchObject([
      {
        tenantId: tenant.id,
        role: 'viewer',
        roles: [
          { id: null, name: 'viewer', inheritedFrom: null, scopes: expect.arrayContaining(['tenant:read']) },
          { id, name, inheritedFrom: null, scopes: ['keys:read'] },
        ],
      },
    ])
  })

  test('bounds the API keys of its holder, who may no more by them than by themselves', async () => {
    const { tenant, caller } = await installation.enter()
    const user = await installation.createMember(tenant.id, 'viewer')
    const { id: roleId } = await create(caller, ['keys:manage', 'usage:adjust'])
    await assign(caller, user.id, roleId)
    const asUser = installation.callerAs(user, tenant.id)
    const wanted = { ...current, name: 'Any', scopes: ['usage:adjust', 'usage:read'] }
    const { key } = await asUser.apiKeys.create(wanted)
    const { apiKeys } = installation.dependencies
    const nobody = { address: null, userAgent: null }
    const held = async () => [...(await apiKeys.verify(key, nobody)).access.scopes].sort()
    expect(await held()).toEqual(['usage:adjust', 'usage:read'])
    await caller.roles.update({ ...current, roleId, scopes: ['keys:manage'] })
    expect(await held()).toEqual(['usage:read'])
    await expect(asUser.apiKeys.create(wanted)).rejects.toMatchObject({ details: { missingScope: 'usage:adjust' } })
  })
})

describe('an inheritable role', () => {
  test('is held in the tenants below too, also by whose membership ends above; another is not', async () => {
    const { tenant: root, caller } = await installation.enter()
    const middle = await installation.createTenant({ parent: root })
    const leaf = await installation.createTenant({ parent: middle })
    const user = await installation.createMember(root.id, 'viewer')
    const local = await create(caller, ['usage:adjust'])
    const wide = await create(caller, ['audit:read', 'tenant:read'], { inheritable: true })
    for (const { id } of [local, wide]) await assign(caller, user.id, id)

    expect([...((await accessOf(user, leaf.id))?.scopes ?? [])].sort()).toEqual(['audit:read', 'tenant:read'])
    expect(await accessOf(user, leaf.id)).toMatchObject({
      role: null,
      inheritedFrom: root.id,
      sources: [{ type: 'custom_role', id: wide.id, name: wide.name, inheritedFrom: root.id, inheritable: true }],
    })
    const asUser = installation.callerAs(user, leaf.id)
    const { steps } = await asUser.access.explain({ ...current, permission: 'audit:read' })
    const holder = `The custom role ${wide.name} of the ancestor ${root.id}`
    expect(steps).toContainEqual(expect.objectContaining({ step: 'scope', detail: `${holder} holds audit:read.` }))

    const { memberships } = await installation.callerAs(user).me.get({})
    expect(memberships.map(({ tenantId, role, inheritedFrom }) => ({ tenantId, role, inheritedFrom }))).toEqual(
      expect.arrayContaining([
        { tenantId: root.id, role: 'viewer', inheritedFrom: null },
        { tenantId: middle.id, role: null, inheritedFrom: root.id },
        { tenantId: leaf.id, role: null, inheritedFrom: root.id },
      ]),
    )
    const listed = (await installation.callerAs(user).tenants.list({})).items.map(({ id }) => id)
    expect(listed.toSorted()).toEqual([root.id, middle.id, leaf.id].toSorted())
    const children = await installation.callerAs(user, root.id).tenants.children(current)
    expect(children.items.map(({ id }) => id)).toEqual([middle.id])
    await expect(asUser.tenants.info()).resolves.toMatchObject({ id: leaf.id, userRole: null })
  })

  test('ends below as soon as it ends above', async () => {
    const { tenant: root, caller } = await installation.enter()
    const leaf = await installation.createTenant({ parent: root })
    const user = await installation.createMember(root.id, 'viewer')
    const { id: roleId } = await create(caller, ['tenant:read'], { inheritable: true })
    await assign(caller, user.id, roleId)
    const info = () => installation.callerAs(user, leaf.id).tenants.info()
    await expect(info()).resolves.toMatchObject({ id: leaf.id })
    await caller.roles.update({ ...current, roleId, inheritable: false })
    await expect(info()).rejects.toMatchObject({ code: 'tenant.not_found' })
  })

  test('shows nobody the usage of tenants below who does not hold that there', async () => {
    const { tenant: root, caller } = await installation.enter()
    await installation.createTenant({ parent: root })
    const user = await installation.createMember(root.id, 'viewer')
    await assign(caller, user.id, (await create(caller, ['audit:read'], { inheritable: true })).id)
    const asked = installation.callerAs(user, root.id).tenants.subtreeUsage(current)
    await expect(asked).rejects.toMatchObject({ code: 'auth.permission_denied' })
  })
})

test('who is removed comes back without the roles and teams of before', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'business' })
  const user = await installation.createMember(tenant.id, 'viewer')
  await assign(caller, user.id, (await create(caller, ['keys:read'])).id)
  const { id: teamId } = await caller.teams.create({ ...current, name: 'Design' })
  await caller.teams.addMember({ ...current, teamId, userId: user.id })

  await caller.members.remove({ ...current, userId: user.id })
  await installation.callerAs(operator, tenant.id).members.add({ ...current, userId: user.id, role: 'viewer' })

  const asUser = installation.callerAs(user, tenant.id)
  await expect(asUser.apiKeys.list(current)).rejects.toMatchObject({ details: { missingScope: 'keys:read' } })
  expect((await caller.userRoles.list({ ...current, userId: user.id })).items).toEqual([])
  expect((await caller.teams.listMembers({ ...current, teamId })).items).toEqual([])
})
