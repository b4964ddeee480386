import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { codeOf, refusalOf } from '../member/service.fixture.ts'
import { asOperator } from './service.fixture.ts'

let now = new Date('2026-11-21T12:00:00Z')
const pass = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1_000)
}

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
})
afterAll(() => installation.close())

const { random, floor } = Math
const unique = () => floor(random() * 1e12).toString(36)

/** Comes in with a token that says so. */
async function signIn(says: { email: string; name?: string; subject?: string }) {
  const { issuer, dependencies } = installation
  const token = await issuer.sign({ ...says, name: says.name ?? null } as Parameters<typeof issuer.sign>[0])
  return dependencies.directory.signIn(await dependencies.authenticator.verify(token))
}

test('users are found by the beginning of name or address, page by page, the newest first', async () => {
  const mark = unique()
  const ada = await signIn({ email: `${mark}.ada@people.test`, name: 'Ada' })
  const bob = await signIn({ email: `bob@${mark}.test`, name: `${mark.toUpperCase()} Bob` })
  await signIn({ email: `x${mark}@people.test`, name: 'Eve' })
  const users = asOperator(installation)
  const first = await users.list({ q: mark, limit: 1 })
  expect(first).toMatchObject({ items: [{ id: bob.id, name: `${mark.toUpperCase()} Bob`, state: 'active' }] })
  const second = await users.list({ q: mark, limit: 1, cursor: first.nextCursor ?? undefined })
  expect(second).toMatchObject({ items: [{ id: ada.id }], nextCursor: null })
})

test('a list can be of one state; who was erased shows only where that is asked for', async () => {
  const mark = unique()
  const people = await Promise.all(['a', 'b', 'c'].map((name) => installation.createUser(`${mark}.${name}@x.test`)))
  const [active, deactivated, erased] = people.map(({ id }) => id)
  const users = asOperator(installation)
  await users.deactivate({ userId: deactivated ?? '', reason: 'Left us' })
  await users.erase({ userId: erased ?? '' })
  const ids = async (input: Parameters<typeof users.list>[0]) => (await users.list(input)).items.map(({ id }) => id)
  expect((await ids({ q: mark })).toSorted()).toEqual([active, deactivated].toSorted())
  expect(await ids({ q: mark, state: 'deactivated' })).toEqual([deactivated])
  expect(await ids({ state: 'erased', limit: 200 })).toContain(erased)
  expect(await ids({ limit: 200 })).not.toContain(erased)
})

test('a user is shown with what the token says, and every tenant with role and custom roles', async () => {
  const email = `${unique()}@people.test`
  const { id } = await signIn({ email, name: 'Ada' })
  const tenant = await installation.createTenant()
  await installation.addMember(tenant.id, id, 'member')
  const owner = installation.callerAs({ type: 'system', name: 'preparation' }, tenant.id)
  const role = await owner.roles.create({ tenantId: 'current', name: 'Auditor', scopes: ['usage:read'] })
  await owner.userRoles.add({ tenantId: 'current', userId: id, roleId: role.id })

  expect(await asOperator(installation).get({ userId: id })).toEqual({
    id,
    email,
    name: 'Ada',
    issuer: installation.issuer.issuer,
    subject: email,
    state: 'active',
    stateReason: null,
    stateChangedAt: null,
    createdAt: now.toISOString(),
    lastSeenAt: null,
    membershipCount: 1,
    memberships: [
      {
        tenantId: tenant.id,
        slug: tenant.slug,
        name: `Tenant ${tenant.slug}`,
        status: 'active',
        role: 'member',
        inheritable: false,
        joinedAt: now.toISOString(),
        roles: [{ id: role.id, name: 'Auditor' }],
      },
    ],
  })
  expect(await codeOf(asOperator(installation).get({ userId: tenant.id }))).toBe('user.not_found')
})

test('name and address follow the token, without a write for each request', async () => {
  const email = `${unique()}@people.test`
  const { id } = await signIn({ email, name: 'Ada' })
  const writes = vi.spyOn(installation.database, 'identityUnit')
  onTestFinished(() => writes.mockRestore())
  for (let call = 0; call < 20; call++) await signIn({ email, name: 'Ada Lovelace' })
  expect(writes).toHaveBeenCalledTimes(1)
  expect(await asOperator(installation).get({ userId: id })).toMatchObject({ name: 'Ada Lovelace' })
})

test('when somebody was last seen is written off the path, all of them at once, and every five minutes at the most', async () => {
  const people = Array.from({ length: 5 }, (_, place) => `${place}.${unique()}@people.test`)
  const { sightings } = installation.dependencies.services
  await sightings.flush()
  const writes = vi.spyOn(installation.database, 'platformUnit')
  onTestFinished(() => writes.mockRestore())
  const users = []
  for (const email of people) for (let call = 0; call < 3; call++) users.push(await signIn({ email }))
  expect(writes).not.toHaveBeenCalled()
  await sightings.flush()
  expect(writes).toHaveBeenCalledTimes(1)
  const [first] = users
  const lastSeen = async () => (await asOperator(installation).get({ userId: first?.id ?? '' })).lastSeenAt
  const seenAt = now.toISOString()
  expect(await lastSeen()).toBe(seenAt)

  const [email = ''] = people
  pass(299)
  await signIn({ email })
  await sightings.flush()
  expect(await lastSeen()).toBe(seenAt)
  pass(1)
  await signIn({ email })
  await sightings.flush()
  expect(await lastSeen()).toBe(now.toISOString())
})

test('a change of state is written down once, with the reason, and without a name or address', async () => {
  const user = await installation.createUser()
  const users = asOperator(installation)
  const reason = `Lost their laptop, says ${user.email}`
  const about = { userId: user.id, reason }
  const expected = { id: user.id, state: 'deactivated', stateReason: reason, stateChangedAt: now.toISOString() }
  expect(await users.deactivate(about)).toMatchObject(expected)
  expect(await users.deactivate({ ...about, reason: 'Again' })).toMatchObject(expected)
  const active = { state: 'active', stateReason: null }
  expect(await users.reactivate({ ...about, reason: 'Found it' })).toMatchObject(active)
  expect(await users.reactivate({ ...about, reason: 'Found it' })).toMatchObject(active)

  const entries = (await installation.platformAuditEntries()).filter(({ targetId }) => targetId === user.id)
  const changes = entries.filter(({ action }) => action.startsWith('user.'))
  expect(changes).toMatchObject([
    {
      action: 'user.deactivated',
      actorId: operator.id,
      targetType: 'user',
      changes: { state: { before: 'active', after: 'deactivated' } },
      details: { reason: 'Lost their laptop, says [address]' },
    },
    { action: 'user.reactivated', changes: { state: { before: 'deactivated', after: 'active' } } },
  ])
  expect(JSON.stringify(entries)).not.toContain(user.email)
})

test('that an operator looked at somebody, or took their data along, is written down with who it was', async () => {
  const user = await installation.createUser()
  await asOperator(installation).get({ userId: user.id })
  await asOperator(installation).export({ userId: user.id })
  const entries = (await installation.platformAuditEntries()).filter(({ targetId }) => targetId === user.id)
  const read = { action: 'platform.read', actorId: operator.id, targetType: 'user' }
  expect(entries).toMatchObject([
    { ...read, details: { operation: 'users.get' } },
    { ...read, details: { operation: 'users.export' } },
  ])
})

test('nobody locks out, lets in or erases themselves', async () => {
  const me = await installation.createUser()
  const { users } = installation.callerAs({ ...operator, ...me })
  const about = { userId: me.id, reason: 'x' }
  for (const attempt of [users.deactivate, users.reactivate, users.erase])
    expect(await refusalOf(attempt(about))).toMatchObject({ code: 'user.oneself', status: 409 })
  expect(await users.get({ userId: me.id })).toMatchObject({ state: 'active' })
})

test('nobody is changed who does not exist, or was erased', async () => {
  const users = asOperator(installation)
  const { id: nobody } = await installation.createTenant()
  const about = { userId: nobody, reason: 'x' }
  for (const attempt of [users.deactivate, users.reactivate, users.erase])
    expect(await codeOf(attempt(about))).toBe('user.not_found')
  expect(await codeOf(users.export({ userId: nobody }))).toBe('user.not_found')
  const { id: userId } = await installation.createUser()
  await users.erase({ userId })
  for (const attempt of [users.deactivate, users.reactivate])
    expect(await codeOf(attempt({ userId, reason: 'x' }))).toBe('user.erased')
})
