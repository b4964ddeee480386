import type { BaseRole } from '@tenantry/control-plane/capabilities/access/index'
import { makeUser } from '@tenantry/control-plane/capabilities/member/service.fixture'
import { operator } from '@tenantry/control-plane/testing'
import type { TestApi } from './api-server.ts'
import { lock, lockedIn } from './locked-person.fixture.ts'
import { type Case, inPath, ofTenant } from './operation-case.ts'
import type { World } from './operation-world.ts'

/** One of the same name in every world, a member where a case says so. */
const somebody = { id: '019cf6a1-4e00-7000-8000-0000000000e0', email: 'somebody@people.test' }
const userId = somebody.id

const known = ({ installation }: TestApi) => makeUser(installation, somebody)
const joined =
  (role: BaseRole, where: 'tenant' | 'other' = 'tenant') =>
  async (api: TestApi, world: World) => {
    await known(api)
    await api.installation.addMember(world[where].id, userId, role)
  }
const fullOfAdmins =
  (role: BaseRole | null, admins = 3) =>
  async (api: TestApi, world: World) => {
    await (role === null ? joined('viewer', 'other') : joined(role))(api, world)
    for (let count = 1; count < admins; count++) await api.installation.createMember(world.tenant.id, 'admin')
  }
const below = ({ installation }: TestApi, { tenant, other }: World) =>
  installation.callerAs(operator).tenants.move({ tenantId: tenant.id, parentId: other.id, reason: 'Preparation' })
const inherited = async (api: TestApi, world: World) => {
  await joined('admin', 'other')(api, world)
  await below(api, world)
}
/** The caller reaches the tenant from above only. */
const onlyAbove = async (api: TestApi, world: World) => {
  await below(api, world)
  await api.installation.createMember(world.tenant.id, 'owner')
  const { members } = api.installation.callerAs(operator, world.tenant.id)
  await members.remove({ tenantId: 'current', userId: world.user.id })
}

const oneself =
  (fields: object = {}) =>
  (world: World) => ({ ...inPath(world), userId: world.user.id, ...fields })
const toOther =
  (fields: object = {}) =>
  (world: World) => ({ ...inPath(world), toTenantId: world.other.slug, mode: 'move', userIds: [userId], ...fields })

export const peopleCases: Record<string, Case[]> = {
  'members.list': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ q: 'SOME', limit: 10 }), before: joined('member') },
    { expects: 'ok', as: 'admin', input: ofTenant({ role: 'owner' }) },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ cursor: 'the second page', role: 'king' }) },
  ],
  'members.get': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ userId }), before: joined('member') },
    { expects: 'ok', as: 'viewer', input: ofTenant({ userId }), before: inherited },
    { expects: 'member.not_found', as: 'viewer', input: ofTenant({ userId }) },
  ],
  'members.add': [
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({ userId, role: 'member' }),
      before: joined('viewer', 'other'),
    },
    { expects: 'member.unknown_user', as: 'admin', input: ofTenant({ userId, role: 'member' }), before: known },
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({ email: somebody.email, role: 'viewer' }),
      before: joined('viewer', 'other'),
    },
    { expects: 'member.unknown_user', as: 'admin', input: ofTenant({ email: 'nobody@people.test', role: 'viewer' }) },
    {
      expects: 'member.deactivated',
      as: 'admin',
      input: (world) => ({ ...inPath(world), userId: lockedIn(world).id, role: 'viewer' }),
      before: lock('other'),
    },
    {
      expects: 'member.already_member',
      as: 'admin',
      input: ofTenant({ userId, role: 'viewer' }),
      before: joined('viewer'),
    },
    { expects: 'auth.permission_denied', as: 'admin', input: ofTenant({ userId, role: 'owner' }), before: known },
    {
      expects: 'usage.limit_exceeded',
      as: 'owner',
      input: ofTenant({ userId, role: 'admin' }),
      before: fullOfAdmins(null),
    },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ role: 'viewer' }) },
  ],
  'members.update': [
    { expects: 'ok', as: 'admin', input: ofTenant({ userId, role: 'member' }), before: joined('viewer') },
    { expects: 'member.not_found', as: 'admin', input: ofTenant({ userId, role: 'member' }) },
    { expects: 'member.inherited', as: 'owner', input: ofTenant({ userId, role: 'member' }), before: inherited },
    { expects: 'member.last_owner', as: 'owner', input: oneself({ role: 'admin' }) },
    {
      expects: 'auth.permission_denied',
      as: 'admin',
      input: ofTenant({ userId, role: 'viewer' }),
      before: joined('admin'),
    },
    {
      expects: 'usage.limit_exceeded',
      as: 'owner',
      input: ofTenant({ userId, role: 'admin' }),
      before: fullOfAdmins('member'),
    },
  ],
  'members.remove': [
    { expects: 'ok', as: 'admin', input: ofTenant({ userId }), before: joined('viewer') },
    { expects: 'member.not_found', as: 'admin', input: ofTenant({ userId }) },
    { expects: 'member.inherited', as: 'owner', input: ofTenant({ userId }), before: inherited },
    { expects: 'member.last_owner', as: 'owner', input: oneself() },
    { expects: 'auth.permission_denied', as: 'admin', input: ofTenant({ userId }), before: joined('owner') },
  ],
  'members.leave': [
    { expects: 'ok', as: 'viewer', input: inPath },
    { expects: 'member.not_found', as: 'operator', input: inPath },
    { expects: 'member.inherited', as: 'owner', input: inPath, before: onlyAbove },
    { expects: 'member.last_owner', as: 'owner', input: inPath },
  ],
  'members.transferOwnership': [
    {
      expects: 'member.deactivated',
      as: 'owner',
      input: (world) => ({ ...inPath(world), userId: lockedIn(world).id }),
      before: lock('tenant'),
    },
    { expects: 'ok', as: 'owner', input: ofTenant({ userId }), before: joined('member') },
    { expects: 'member.not_found', as: 'owner', input: ofTenant({ userId }) },
    { expects: 'member.inherited', as: 'owner', input: ofTenant({ userId }), before: inherited },
    { expects: 'auth.permission_denied', as: 'admin', input: ofTenant({ userId }), before: joined('member') },
    { expects: 'usage.limit_exceeded', as: 'owner', input: ofTenant({ userId }), before: fullOfAdmins('member') },
    { expects: 'request.invalid', as: 'owner', input: oneself() },
  ],
  'members.transfer': [
    {
      expects: 'ok',
      as: 'admin',
      input: toOther({ roleMap: { member: 'viewer' } }),
      before: joined('member'),
    },
    { expects: 'ok', as: 'admin', input: toOther({ mode: 'copy', dryRun: true }) },
    { expects: 'tenant.not_found', as: 'admin', input: toOther({ toTenantId: 'no-such-tenant' }) },
    { expects: 'auth.permission_denied', as: 'member', input: toOther() },
    { expects: 'request.invalid', as: 'admin', input: toOther({ userIds: [] }) },
  ],
}
