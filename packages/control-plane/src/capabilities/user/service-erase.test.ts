import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { create } from '../api-key/service.fixture.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { invite, tokenTo } from '../invitation/service.fixture.ts'
import { codeOf, inTenant, refusalOf } from '../member/service.fixture.ts'
import { asOperator, callerOf, changed, everythingOf, person, tablesThatName } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** A member of two tenants, in which they did and were told all that is kept of people. */
async function busyPerson() {
  const user = await person(installation)
  const [first, second] = [await installation.enter(), await installation.enter()]
  const { id: invitationId } = await invite(first.caller, user.email, 'admin')
  await callerOf(installation, user, first.tenant.id).invitations.accept({
    token: await tokenTo(installation, user.email),
  })
  await installation.addMember(second.tenant.id, user.id, 'viewer')

  const theirs = callerOf(installation, user, first.tenant.id)
  const { key, id: keyId } = await create(theirs)
  await invite(theirs, 'guest@people.test')
  await theirs.limits.request({ ...inTenant, meter: 'tokens', value: 'unlimited', reason: 'We grow' })
  const team = await theirs.teams.create({ ...inTenant, name: 'Kitchen' })
  await theirs.teams.addMember({ ...inTenant, teamId: team.id, userId: user.id })
  const role = await first.caller.roles.create({ ...inTenant, name: 'Auditor', scopes: ['usage:read'] })
  await first.caller.userRoles.add({ ...inTenant, userId: user.id, roleId: role.id })
  await theirs.tenants.update({ ...inTenant, contactEmail: user.email.toUpperCase() })
  await invite(second.caller, `x${user.email}`)
  await second.caller.tenants.update({ ...inTenant, contactEmail: `x${user.email}` })
  return { user, first, second, invitationId, key, keyId, team, role }
}

test('an erasure leaves no name and no address of the person, and a longer address of another as it was', async () => {
  const { user, first } = await busyPerson()
  expect(await tablesThatName(installation, user.name)).toEqual(['invitations', 'mails', 'users'])
  expect(await tablesThatName(installation, user.email)).toEqual([
    'audit_entries',
    'invitations',
    'mails',
    'tenants',
    'users',
  ])

  const answer = await asOperator(installation).erase({ userId: user.id, reason: 'Asked for by letter' })
  const pseudonym = `erased-${user.id}@erased.invalid`
  expect(answer).toMatchObject({ userId: user.id, pseudonym, contactOf: [first.tenant.slug] })
  const removed = { memberships: 2, role_assignments: 1, team_members: 1, api_keys: 1, mails: 2 }
  expect(changed(answer)).toMatchObject({ ...removed, invitations: 2, users: 1 })
  expect(await tablesThatName(installation, user.name)).toEqual([])
  // The contact address is the tenant's.
  expect(await tablesThatName(installation, user.email)).toEqual(['tenants'])
  expect(await tablesThatName(installation, `x${user.email}`)).toEqual([
    'audit_entries',
    'invitations',
    'mails',
    'tenants',
  ])
})

test('the logs keep what was done, by whom as a pseudonym, and say that it was erased', async () => {
  const { user, first, invitationId } = await busyPerson()
  const before = await installation.auditEntries(first.tenant.id)
  const { pseudonym } = await asOperator(installation).erase({ userId: user.id })
  const entries = await installation.auditEntries(first.tenant.id)
  const told = ({ id, at, action, actorId }: (typeof entries)[number]) => ({ id, at, action, actorId })
  expect(entries.slice(0, before.length).map(told)).toEqual(before.map(told))
  const theirs = entries.filter(({ actorId }) => actorId === user.id)
  expect(theirs.length).toBeGreaterThan(3)
  for (const entry of theirs)
    expect(entry).toMatchObject({ actorEmail: pseudonym, clientAddress: null, userAgent: null })
  expect(entries.find(({ targetId }) => targetId === invitationId)).toMatchObject({
    actorEmail: first.user.email,
    changes: { role: { before: null, after: 'admin' } },
  })
  const erased = { actorId: operator.id, targetType: 'user', targetId: user.id }
  expect(entries.slice(before.length)).toMatchObject([
    { ...erased, action: 'member.removed', changes: { role: { before: 'admin', after: null } } },
    { ...erased, action: 'user.erased' },
  ])
  const platform = (await installation.platformAuditEntries()).filter(({ targetId }) => targetId === user.id)
  expect(platform.at(-1)).toMatchObject({
    ...erased,
    action: 'user.erased',
    changes: { state: { before: 'active', after: 'erased' } },
    details: { rows: { memberships: 2, users: 1 } },
  })
})

test('in the tenants nothing but the person is gone: counts, lists and events follow at once', async () => {
  const { user, first, second, team, role, key } = await busyPerson()
  for (const { caller } of [first, second]) expect((await caller.tenants.info()).memberCount).toBe(2)
  await asOperator(installation).erase({ userId: user.id })
  for (const { caller, user: owner } of [first, second]) {
    expect((await caller.tenants.info()).memberCount).toBe(1)
    expect((await caller.members.list(inTenant)).items.map(({ userId }) => userId)).toEqual([owner.id])
    const [event] = (await caller.events.list(inTenant)).items
    expect(event?.event).toMatchObject({ type: 'member.removed', userId: user.id })
  }
  expect((await first.caller.teams.listMembers({ ...inTenant, teamId: team.id })).items).toEqual([])
  expect((await first.caller.roles.list(inTenant)).items.map(({ id }) => id)).toContain(role.id)
  expect((await first.caller.apiKeys.list(inTenant)).items).toEqual([])
  expect(key).toMatch(/^tk_/)
})

test('whom nobody else could take over from is not erased, with every such tenant named, and nothing is done', async () => {
  const user = await person(installation)
  const [sole, shared, gone, going] = [
    await installation.createTenant(),
    await installation.createTenant(),
    await installation.createTenant(),
    await installation.createTenant(),
  ]
  for (const { id } of [sole, shared, gone, going]) await installation.addMember(id, user.id, 'owner')
  await installation.createMember(shared.id, 'owner')
  const { tenants } = installation.callerAs(operator)
  for (const { id: tenantId } of [gone, going]) await tenants.remove({ tenantId })
  await asAdmin(installation, 'update tenantry.tenants set delete_after = now() where id = $1', [gone.id])
  const erase = () => asOperator(installation).erase({ userId: user.id })
  const refusal = await refusalOf(erase())
  expect(refusal).toMatchObject({
    code: 'user.last_owner',
    status: 409,
    details: { tenants: [sole.slug, going.slug].sort() },
  })
  for (const { slug } of [sole, going]) expect(refusal.message).toContain(slug)
  expect(await asOperator(installation).get({ userId: user.id })).toMatchObject({ state: 'active', membershipCount: 4 })

  await installation.createMember(sole.id, 'owner')
  expect((await refusalOf(erase())).details).toEqual({ tenants: [going.slug] })
  await tenants.restore({ tenantId: going.id, reason: 'It needs another owner.' })
  await installation.createMember(going.id, 'owner')
  expect(changed(await erase())).toMatchObject({ memberships: 4 })
})

test('two owners who are erased at once leave one', async () => {
  const { id } = await installation.createTenant()
  const owners = [await person(installation), await person(installation)]
  for (const owner of owners) await installation.addMember(id, owner.id, 'owner')
  const answers = await Promise.all(owners.map(({ id: userId }) => codeOf(asOperator(installation).erase({ userId }))))
  expect(answers.toSorted()).toEqual(['ok', 'user.last_owner'])
})

test('who becomes the only owner of a tenant while the erasure waits for it is not erased', async () => {
  const user = await person(installation)
  const { tenant, user: owner, caller } = await installation.enter()
  await invite(caller, user.email, 'owner')
  const other = new pg.Client(installation.testDatabase.adminUrl)
  await other.connect()
  await other.query('begin')
  await other.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`tenantry members ${tenant.id}`])
  let isOver = false
  const erasing = codeOf(asOperator(installation).erase({ userId: user.id })).finally(() => {
    isOver = true
  })
  const isWaiting = `select from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`
  while (!isOver && (await other.query(isWaiting)).rowCount === 0);
  await other.query('update tenantry.memberships set user_id = $2 where tenant_id = $1 and user_id = $3', [
    tenant.id,
    user.id,
    owner.id,
  ])
  await other.query('commit')
  await other.end()
  expect(await erasing).toBe('user.last_owner')
})

test('erasing again answers the same and takes out only what came meanwhile, under the id', async () => {
  const { user, second } = await busyPerson()
  const erase = () => asOperator(installation).erase({ userId: user.id })
  const { erasedAt, pseudonym } = await erase()
  const again = await erase()
  expect(again).toMatchObject({ erasedAt, pseudonym })
  expect(changed(again)).toEqual({})
  const stale = `insert into tenantry.audit_entries (tenant_id, id, at, action, outcome, actor_type, actor_id, actor_email, request_id)
    values ($1, gen_random_uuid(), now(), 'tenant.updated', 'success', 'user', $2, $3, 'late')`
  await asAdmin(installation, stale, [second.tenant.id, user.id, user.email])
  expect(changed(await erase())).toEqual({ audit_entries: 1 })
})

test('who is erased is a member of nothing, and may not claim what was waiting for them', async () => {
  const user = await person(installation)
  const { caller } = await installation.enter()
  const { id: invitationId } = await invite(caller, user.email)
  await asOperator(installation).erase({ userId: user.id })
  const { items } = await caller.invitations.list(inTenant)
  expect(items.find(({ id }) => id === invitationId)).toMatchObject({
    state: 'revoked',
    email: `erased-${user.id}@erased.invalid`,
  })
  expect(await asOperator(installation).get({ userId: user.id })).toMatchObject({
    state: 'erased',
    name: null,
    issuer: 'erased',
    subject: user.id,
    lastSeenAt: null,
    memberships: [],
  })
})

test('an export tells all that is kept, in pages of any size, and of others nothing', async () => {
  const { user, first, second, keyId } = await busyPerson()
  await busyPerson()
  const users = asOperator(installation)
  const all = await everythingOf(users, user.id, 200)
  const kinds = Map.groupBy(all, ({ kind }) => kind)
  const count = Object.fromEntries([...kinds].map(([kind, items]) => [kind, items.length]))
  expect(count).toMatchObject({
    ...{ profile: 1, membership: 2, role: 1, team: 1, invitation_received: 1, invitation_sent: 1 },
    ...{ tenant_contact: 1, api_key: 1, limit_request: 1, mail: 1 },
  })
  const actions = kinds.get('audit_entry')?.map(({ data }) => data.action)
  expect(actions).toEqual(expect.arrayContaining(['invitation.accepted', 'api_key.created', 'team.created']))
  const about = kinds.get('audit_entry_about')?.map(({ data }) => data)
  expect(about?.map(({ action }) => action)).toContain('role.assigned')
  expect(about).not.toContainEqual(expect.objectContaining({ actorEmail: expect.anything() }))
  expect(kinds.get('profile')).toMatchObject([{ id: user.id, data: { email: user.email, name: user.name } }])
  expect(kinds.get('invitation_received')).toMatchObject([{ data: { acceptedAt: expect.stringMatching(/T.*Z$/) } }])
  expect(kinds.get('api_key')).toMatchObject([{ id: keyId, tenantId: first.tenant.id, data: { name: 'Scheduler' } }])
  expect(JSON.stringify(all)).not.toMatch(/digest|sealed|#token=/)
  const tenants = new Set(all.flatMap(({ tenantId }) => tenantId ?? []))
  expect(tenants).toEqual(new Set([first.tenant.id, second.tenant.id]))
  for (const limit of [1, 4]) expect(await everythingOf(users, user.id, limit)).toEqual(all)
  for (const cursor of ['the second page', 'membership.1.2', 'nothing.x'])
    expect(await codeOf(users.export({ userId: user.id, cursor }))).toBe('request.invalid')
})

test('an export of who was erased tells of a pseudonym', async () => {
  const { user } = await busyPerson()
  await asOperator(installation).erase({ userId: user.id })
  const all = JSON.stringify(await everythingOf(asOperator(installation), user.id, 50))
  expect(all).toContain('invitation.accepted')
  expect(all).not.toContain(user.email)
  expect(all).not.toContain(user.name)
})
