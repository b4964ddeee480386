import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation, type TestTenant } from '../../testing.ts'
import { callByKey } from '../api-key/service.fixture.ts'
import { assign, create } from '../role/service.fixture.ts'
import { codeOf, inTenant } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** A tenant with an admin who holds a custom role, is in a team and has made a key, as an owner who is not them sees it. */
async function admined() {
  const { tenant, user: owner, caller } = await installation.enter({ plan: 'enterprise' })
  const user = await installation.createMember(tenant.id, 'admin')
  const role = await create(caller, ['audit:export'])
  await assign(caller, user.id, role.id)
  const team = await caller.teams.create({ ...inTenant, name: 'Night shift' })
  await caller.teams.addMember({ ...inTenant, teamId: team.id, userId: user.id })
  const theirs = installation.callerAs(user, tenant.id)
  const made = await theirs.apiKeys.create({ ...inTenant, name: 'Scheduler', scopes: ['tenant:read'] })
  const kept = await caller.apiKeys.create({ ...inTenant, name: 'Of the owner', scopes: ['tenant:read'] })
  return { tenant, owner, caller, user, theirs, role, team, made, kept }
}

type World = Awaited<ReturnType<typeof admined>> & { second: TestTenant }

const endings: [string, string, (world: World) => Promise<unknown>][] = [
  ['is removed', 'member.removed', ({ caller, user }) => caller.members.remove({ ...inTenant, userId: user.id })],
  ['leaves', 'member.left', ({ theirs }) => theirs.members.leave(inTenant)],
  [
    'is moved out',
    'member.transferred',
    ({ caller, user, second }) =>
      caller.members.transfer({ ...inTenant, toTenantId: second.id, mode: 'move', userIds: [user.id] }),
  ],
]

test.each(endings)(
  'who %s and comes back finds no key of theirs alive; the log tells what was taken',
  async (...of) => {
    const [, action, end] = of
    const world = { ...(await admined()), second: await installation.createTenant({ plan: 'enterprise' }) }
    const { tenant, owner, caller, user, role, team, made, kept } = world
    await installation.addMember(world.second.id, owner.id, 'owner')
    const byKey = (text: string) => codeOf(callByKey(installation.dependencies, text).tenants.info())
    expect(await byKey(made.key)).toBe('ok')
    await end(world)
    expect(await byKey(made.key)).toBe('auth.unauthenticated')
    // By somebody who knows everybody: these two have nothing to do with each other any more.
    await installation.callerAs(operator, tenant.id).members.add({ ...inTenant, userId: user.id, role: 'admin' })
    expect(await byKey(made.key)).toBe('auth.unauthenticated')
    expect(await byKey(kept.key)).toBe('ok')
    expect((await caller.apiKeys.list(inTenant)).items.map(({ id }) => id)).toEqual([kept.id])
    const entries = await installation.auditEntries(tenant.id)
    expect(entries.find((entry) => entry.action === action && entry.targetId === user.id)?.changes).toEqual({
      role: { before: 'admin', after: null },
      [`roles.${role.id}`]: { before: role.name, after: null },
      [`teams.${team.id}`]: { before: 'Night shift', after: null },
      [`apiKeys.${made.id}`]: { before: 'Scheduler', after: null },
    })
  },
)
