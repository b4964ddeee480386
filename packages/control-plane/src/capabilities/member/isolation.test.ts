import { randomUUID } from 'node:crypto'
import type { EntityManager } from '@mikro-orm/postgresql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { PermissionDeniedError } from '../../errors.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'
import { findAcquaintances, findMembers, listMembers } from './repository.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const userId = randomUUID()
const inputs = {
  'members.get': { userId },
  'members.add': { userId, role: 'viewer' },
  'members.update': { userId, role: 'viewer' },
  'members.remove': { userId },
  'members.transferOwnership': { userId },
  'members.transfer': { toTenantId: userId, mode: 'copy', userIds: [userId] },
}

for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))

test('what a user sees of memberships is never those of somebody else', async () => {
  const { tenant, user } = await installation.enter()
  const { tenant: own, user: stranger } = await installation.enter()
  const reach = async (who: typeof user) =>
    (await installation.callerAs(who).me.get()).memberships.map(({ slug }) => slug)
  expect(await reach(user)).toEqual([tenant.slug])
  expect(await reach(stranger)).toEqual([own.slug])
})

test.each([{ type: 'service', name: 'billing' } as const, { type: 'system', name: 'retention' } as const])(
  'me.get refuses a $type, which is no user',
  async (actor) => {
    await expect(installation.callerAs(actor).me.get()).rejects.toBeInstanceOf(PermissionDeniedError)
  },
)

test('people are looked up in the tenant that the transaction is signed for, and nowhere without one', async () => {
  const { tenant, user } = await installation.enter()
  const { tenant: other, user: stranger } = await installation.enter()
  const { database } = installation
  const actor = { type: 'user' as const, ...user, name: null }
  const look = async (em: EntityManager) => ({
    listed: (await listMembers(em, { after: null, limit: 10, role: null, q: null })).map(({ userId }) => userId),
    found: (await findMembers(em, [user.id, stranger.id])).map(({ userId }) => userId),
    known: [
      ...(await findAcquaintances(em, { email: stranger.email })),
      ...(await findAcquaintances(em, { userId: stranger.id })),
    ],
  })
  const inTenant = { tenantId: tenant.id, actor, readOnly: true }
  expect(await database.tenantUnit(inTenant, look)).toEqual({ listed: [user.id], found: [user.id], known: [] })
  const elsewhere = { ...inTenant, tenantId: other.id }
  expect(await database.tenantUnit(elsewhere, look)).toEqual({
    listed: [stranger.id],
    found: [stranger.id],
    known: Array(2).fill({ userId: stranger.id, isActive: true, isMember: true }),
  })
  const unsigned = { userId: user.id, readOnly: true }
  await expect(database.userUnit(unsigned, look)).rejects.toThrow('no signed tenant context')
  expect(await database.userUnit(unsigned, (em) => findMembers(em, [user.id]))).toEqual([])
  expect(await database.userUnit(unsigned, (em) => findAcquaintances(em, { email: user.email }))).toEqual([])
})

test('a member of one tenant is none of another, by whatever operation', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  const named = { tenantId: 'current', userId: there.user.id }
  const { members } = here.caller
  for (const attempt of [
    () => members.get(named),
    () => members.update({ ...named, role: 'viewer' }),
    () => members.remove(named),
    () => members.transferOwnership(named),
  ])
    await expect(attempt()).rejects.toMatchObject({ code: 'member.not_found' })
  expect(await there.caller.tenants.info()).toMatchObject({ memberCount: 1 })
})
