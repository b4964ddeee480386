import { randomUUID } from 'node:crypto'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'

let now = new Date('2026-11-21T10:00:00Z')
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
})
afterAll(() => installation.close())

const tenantId = 'current'
const create = ({ teams }: InternalCaller, name: string) => teams.create({ tenantId, name })
const refusalOf = (call: Promise<unknown>) =>
  call.then(
    (answer) => expect.fail(`answered ${JSON.stringify(answer)}`),
    (error: unknown) => toAppError(error),
  )

describe('a team', () => {
  test('is created, renamed and deleted, each with its entry', async () => {
    const { tenant, caller } = await installation.enter()
    const made = await create(caller, 'Design')
    const at = now.toISOString()
    expect(made).toEqual({
      id: expect.any(String),
      name: 'Design',
      memberCount: 0,
      version: 1,
      createdAt: at,
      updatedAt: at,
    })
    now = new Date(now.getTime() + 1_000)
    const named = { tenantId, teamId: made.id }
    const renamed = await caller.teams.update({ ...named, name: 'Research', expectedVersion: 1 })
    expect(renamed).toEqual({ ...made, name: 'Research', version: 2, updatedAt: now.toISOString() })
    expect(await caller.teams.update({ ...named, name: 'Research' })).toEqual(renamed)
    expect(await caller.teams.list({ tenantId })).toEqual({ items: [renamed], nextCursor: null })
    expect(await caller.teams.remove(named)).toEqual({ id: made.id, removedAt: now.toISOString() })
    expect((await caller.teams.list({ tenantId })).items).toEqual([])
    const target = { targetType: 'team', targetId: made.id }
    expect(await installation.auditEntries(tenant.id)).toMatchObject([
      { ...target, action: 'team.created', changes: { name: { before: null, after: 'Design' } } },
      { ...target, action: 'team.updated', changes: { name: { before: 'Design', after: 'Research' } } },
      { ...target, action: 'team.removed', changes: { name: { before: 'Research', after: null } } },
    ])
  })

  test('has a name that no other team of the tenant has, in any letter case', async () => {
    const { caller } = await installation.enter()
    const { caller: elsewhere } = await installation.enter()
    const { id: teamId } = await create(caller, 'Straße Ost')
    await create(elsewhere, 'STRASSE WEST')
    await create(elsewhere, 'Straße Ost')
    const { id: other } = await create(caller, 'Other')
    expect(await refusalOf(create(caller, 'straße OST'))).toMatchObject({ code: 'team.name_taken', status: 409 })
    const taking = caller.teams.update({ tenantId, teamId: other, name: 'STRAßE OST' })
    expect(await refusalOf(taking)).toMatchObject({ code: 'team.name_taken' })
    expect(await caller.teams.update({ tenantId, teamId, name: 'STRAßE ost' })).toMatchObject({ name: 'STRAßE ost' })
  })

  test('that somebody else renamed meanwhile is not renamed', async () => {
    const { caller } = await installation.enter()
    const { id: teamId } = await create(caller, 'Design')
    await caller.teams.update({ tenantId, teamId, name: 'Research', expectedVersion: 1 })
    const late = caller.teams.update({ tenantId, teamId, name: 'Sales', expectedVersion: 1 })
    expect(await refusalOf(late)).toMatchObject({
      code: 'team.concurrent_update',
      status: 409,
      details: { currentVersion: 2 },
    })
  })

  test.each([
    [{ name: ' ' }, 'name'],
    [{ name: 'x'.repeat(101) }, 'name'],
    [{ name: '<b>bold</b>' }, 'name'],
    [{ name: 'Design', color: 'red' }, 'color'],
  ])('is refused for %j, naming the field', async (input, path) => {
    const { caller } = await installation.enter()
    const refused = await refusalOf(caller.teams.create({ tenantId, ...input }))
    expect(refused).toMatchObject({ code: 'request.invalid', details: { issues: [{ path }] } })
  })
})

test('teams are listed from the newest, page by page, and found by what their name holds', async () => {
  const { caller } = await installation.enter()
  const made: string[] = []
  for (const name of ['North_1', 'northern', 'South', 'Far North', 'N_rth'])
    made.unshift((await create(caller, name)).id)
  const pages: string[][] = []
  let cursor: string | undefined
  do {
    const page = await caller.teams.list({ tenantId, limit: 2, ...(cursor ? { cursor } : {}) })
    pages.push(page.items.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor)
  expect(pages).toEqual([made.slice(0, 2), made.slice(2, 4), made.slice(4)])
  const found = async (q: string) => (await caller.teams.list({ tenantId, q })).items.map(({ name }) => name)
  expect(await found('NORTH')).toEqual(['Far North', 'northern', 'North_1'])
  expect(await found('h_')).toEqual(['North_1'])
  expect(await found('%')).toEqual([])
})

describe('members of a team', () => {
  test('are put in once, listed and taken out, each with its entry', async () => {
    const { tenant, user, caller } = await installation.enter()
    const { id: teamId } = await create(caller, 'Design')
    const member = await installation.createMember(tenant.id, 'viewer')
    const named = { tenantId, teamId }
    const added = await caller.teams.addMember({ ...named, userId: member.id })
    expect(added).toEqual({ teamId, userId: member.id, addedAt: now.toISOString() })
    now = new Date(now.getTime() + 1_000)
    expect(await caller.teams.addMember({ ...named, userId: member.id })).toEqual(added)
    await caller.teams.addMember({ ...named, userId: user.id })
    const { items } = await caller.teams.listMembers(named)
    const listed = [
      { teamId, userId: user.id, email: user.email, name: null, role: 'owner', addedAt: now.toISOString() },
      { ...added, email: member.email, name: null, role: 'viewer' },
    ]
    expect(items).toEqual(listed.toSorted((one, next) => (one.userId < next.userId ? 1 : -1)))
    const first = await caller.teams.listMembers({ ...named, limit: 1 })
    const second = await caller.teams.listMembers({ ...named, limit: 1, cursor: first.nextCursor ?? '' })
    expect([...first.items, ...second.items]).toEqual(items)
    expect((await caller.teams.list({ tenantId })).items).toMatchObject([{ id: teamId, memberCount: 2 }])

    expect(await caller.teams.removeMember({ ...named, userId: member.id })).toMatchObject({ userId: member.id })
    expect(await refusalOf(caller.teams.removeMember({ ...named, userId: member.id }))).toMatchObject({
      code: 'team.not_in_team',
    })
    const entries = (await installation.auditEntries(tenant.id)).slice(1)
    expect(entries).toMatchObject([
      { action: 'team.member_added', targetId: teamId, changes: { member: { before: null, after: member.id } } },
      { action: 'team.member_added', targetId: teamId, changes: { member: { before: null, after: user.id } } },
      { action: 'team.member_removed', targetId: teamId, changes: { member: { before: member.id, after: null } } },
    ])
  })

  test('are members of the tenant itself, and nobody else', async () => {
    const parent = await installation.enter()
    const { tenant, caller } = await installation.enter({ parent: parent.tenant })
    const { id: teamId } = await create(caller, 'Design')
    const stranger = await installation.createUser()
    for (const userId of [stranger.id, parent.user.id, randomUUID()]) {
      const refused = await refusalOf(caller.teams.addMember({ tenantId, teamId, userId }))
      expect(refused).toMatchObject({ code: 'team.no_such_member', status: 404 })
    }
    expect(await installation.auditEntries(tenant.id)).toMatchObject([{ action: 'team.created' }])
  })

  test('leave their teams with the tenant, and a deleted team leaves its members', async () => {
    const { tenant, caller } = await installation.enter()
    const [design, sales] = [await create(caller, 'Design'), await create(caller, 'Sales')]
    const member = await installation.createMember(tenant.id, 'member')
    for (const { id: teamId } of [design, sales]) await caller.teams.addMember({ tenantId, teamId, userId: member.id })
    await caller.teams.remove({ tenantId, teamId: sales.id })
    const held = 'select from tenantry.team_members where user_id = $1'
    expect(await asAdmin(installation, held, [member.id])).toBe(1)
    expect(await caller.tenants.usage()).toMatchObject({ usersCount: 2, teamsCount: 1 })
    await asAdmin(installation, 'delete from tenantry.memberships where user_id = $1', [member.id])
    expect(await asAdmin(installation, held, [member.id])).toBe(0)
    expect((await caller.teams.list({ tenantId })).items).toMatchObject([{ id: design.id, memberCount: 0 }])
  })
})

describe('the limit of teams', () => {
  test('holds, also when many are created at once, and a deleted team makes room', async () => {
    const { caller } = await installation.enter({ plan: 'free' })
    expect(await caller.tenants.usage()).toMatchObject({ teamsCount: 0, teamsLimit: 2 })
    const names = Array.from({ length: 8 }, (_, place) => `Team ${place}`)
    const outcomes = await Promise.allSettled(names.map((name) => create(caller, name)))
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [toAppError(outcome.reason)] : []))
    expect(refused).toHaveLength(6)
    for (const refusal of refused) {
      expect(refusal).toMatchObject({
        code: 'usage.limit_exceeded',
        status: 429,
        details: { meter: 'teams', limit: 2, hardLimit: 2, used: 2, remaining: 0 },
      })
    }
    expect(await caller.tenants.usage()).toMatchObject({ teamsCount: 2 })
    const check = await caller.access.check({ tenantId, meter: 'teams' })
    expect(check).toMatchObject({ allowed: false, usage: { meter: 'teams', used: 2, remaining: 0 } })
    const [team] = (await caller.teams.list({ tenantId })).items
    await caller.teams.remove({ tenantId, teamId: team?.id ?? '' })
    expect(await caller.tenants.usage()).toMatchObject({ teamsCount: 1 })
    expect(await create(caller, 'Again')).toMatchObject({ name: 'Again' })
  })

  test('is the tenant’s own; the sum over those below tells how many there are', async () => {
    const { tenant, caller } = await installation.enter({ plan: 'free' })
    const { caller: below } = await installation.enter({ plan: 'free', parent: tenant })
    for (const name of ['One', 'Two']) await create(caller, name)
    await create(below, 'Three')
    const usage = await caller.tenants.subtreeUsage({ tenantId })
    expect(usage.meters.find(({ meter }) => meter === 'teams')).toMatchObject({ used: 3 })
  })
})
