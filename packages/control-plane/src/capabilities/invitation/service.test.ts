import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { deliverMails, listOutbox } from '../mail/index.ts'
import { type MailServer, openMailServer } from '../mail/mail-server.fixture.ts'
import { callAsNobody, invite, invited, refusalOf, tokenTo } from './service.fixture.ts'

let now = new Date('2026-11-21T10:00:00Z')
const day = 86_400_000
const later = (milliseconds: number) => {
  now = new Date(now.getTime() + milliseconds)
}

let server: MailServer
let installation: TestInstallation
beforeAll(async () => {
  server = await openMailServer()
  installation = await openTestInstallation({ clock: { now: () => now }, mailer: server.mailer })
})
afterAll(async () => {
  await server.close()
  await installation.close()
})

const entriesOf = async (tenantId: string, action: string) =>
  (await installation.auditEntries(tenantId)).filter((entry) => entry.action === action)

describe('an invitation', () => {
  test('is pending for a week, takes no seat, and is told in a mail with a link, as text and as HTML', async () => {
    const { tenant, user, caller } = await installation.enter()
    const made = await invite(caller, 'New.Person@People.test', 'viewer')
    expect(made).toEqual({
      id: expect.any(String),
      email: 'new.person@people.test',
      role: 'viewer',
      roleIds: [],
      state: 'pending',
      invitedBy: { type: 'user', id: user.id },
      createdAt: now.toISOString(),
      sentAt: now.toISOString(),
      expiresAt: new Date(now.getTime() + 7 * day).toISOString(),
      acceptedAt: null,
      acceptedBy: null,
      revokedAt: null,
    })
    expect(await caller.invitations.list({ tenantId: 'current' })).toEqual({ items: [made], nextCursor: null })
    expect((await caller.tenants.usage()).usersCount).toBe(1)
    expect(await entriesOf(tenant.id, 'invitation.created')).toMatchObject([
      {
        targetType: 'invitation',
        targetId: made.id,
        // The invitation knows the address, and is gone before the log is.
        changes: {
          role: { before: null, after: 'viewer' },
          roleIds: { before: null, after: [] },
          expiresAt: { before: null, after: made.expiresAt },
        },
      },
    ])

    const token = await tokenTo(installation, 'new.person@people.test')
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(await deliverMails(installation.dependencies)).toEqual({ sent: 1, failed: 0 })
    const mail = server.received.find(({ to }) => to.includes('new.person@people.test'))
    const raw = mail?.raw.replaceAll(/=\r\n/g, '').replaceAll('=3D', '=') ?? ''
    const link = `https://tenantry.example/invitations/accept#token=${token}`
    expect(raw).toContain(`subject: You are invited to Tenant ${tenant.slug}`.replace('subject', 'Subject'))
    expect(raw).toContain(`${user.email} invites you to Tenant ${tenant.slug}, as a viewer.`)
    expect(raw).toContain(`<a href="${link}">`)
    expect(raw.split(link)).toHaveLength(4)
  })

  test('may run from an hour to 30 days, as it is told', async () => {
    const { caller } = await installation.enter()
    const made = await invite(caller, 'an-hour@people.test', 'member', { expiresInSeconds: 3_600 })
    expect(made.expiresAt).toBe(new Date(now.getTime() + 3_600_000).toISOString())
    for (const expiresInSeconds of [3_599, 30 * 86_400 + 1]) {
      const refused = await refusalOf(invite(caller, 'too@people.test', 'member', { expiresInSeconds }))
      expect(refused).toMatchObject({ code: 'request.invalid', details: { issues: [{ path: 'expiresInSeconds' }] } })
    }
  })

  test('is the only one that waits for an address of a tenant, whatever the letter case, until it has run out', async () => {
    const { caller } = await installation.enter()
    const { caller: elsewhere } = await installation.enter()
    const first = await invite(caller, 'once@people.test')
    expect(await refusalOf(invite(caller, 'ONCE@people.test', 'viewer'))).toMatchObject({
      code: 'invitation.already_pending',
      status: 409,
    })
    await invite(elsewhere, 'once@people.test')
    later(7 * day)
    const second = await invite(caller, 'once@people.test')
    expect(second.id).not.toBe(first.id)
    const { items } = await caller.invitations.list({ tenantId: 'current' })
    expect(items.map(({ id, state }) => [id, state])).toEqual([
      [second.id, 'pending'],
      [first.id, 'expired'],
    ])
    const refused = await refusalOf(caller.invitations.resend({ tenantId: 'current', invitationId: first.id }))
    expect(refused).toMatchObject({ code: 'invitation.not_pending', details: { state: 'expired' } })
  })

  test.each([
    [{}, ['email', 'role']],
    [{ email: 'a@people.test' }, ['role']],
    [{ email: 'a@people.test', role: 'king' }, ['role']],
    [{ email: 'no address', role: 'member' }, ['email']],
    [
      { email: 'a@people.test', role: 'member', invitations: [{ email: 'b@people.test', role: 'member' }] },
      ['email', 'role'],
    ],
    [{ invitations: [] }, ['invitations']],
    [{ invitations: [{ email: 'b@people.test', role: 'member', name: 'B' }] }, ['invitations.0.name']],
    [{ email: 'a@people.test', role: 'member', roleIds: [randomUUID()] }, ['roleIds.0']],
  ])('is refused for %j, naming each field', async (input, paths) => {
    const { caller } = await installation.enter()
    const refused = await refusalOf(caller.invitations.create({ tenantId: 'current', ...input } as never))
    expect(refused).toMatchObject({ code: 'request.invalid', details: { issues: paths.map((path) => ({ path })) } })
  })

  test('to a role is sent, sent again and revoked by who holds as much, and by nobody else', async () => {
    const { tenant, caller: owner } = await installation.enter()
    const admin = installation.callerAs(await installation.createMember(tenant.id, 'admin'), tenant.id)
    const more = { code: 'auth.permission_denied', details: { missingScope: 'tenant:own' } }
    expect(await refusalOf(invite(admin, 'lord@people.test', 'owner'))).toMatchObject(more)
    const { id: invitationId } = await invite(owner, 'lord@people.test', 'owner')
    expect(await refusalOf(admin.invitations.resend({ tenantId: 'current', invitationId }))).toMatchObject(more)
    expect(await refusalOf(admin.invitations.revoke({ tenantId: 'current', invitationId }))).toMatchObject(more)
    const { id } = await invite(admin, 'peer@people.test', 'admin')
    expect(await admin.invitations.revoke({ tenantId: 'current', invitationId: id })).toMatchObject({ id })
  })
})

describe('many at once', () => {
  test('are answered one by one in their order, and those that are rejected hold up none', async () => {
    const { tenant } = await installation.enter()
    const admin = installation.callerAs(await installation.createMember(tenant.id, 'admin'), tenant.id)
    await invite(admin, 'known@people.test')
    const invitations = [
      { email: 'z@people.test', role: 'member' as const },
      { email: 'Known@people.test', role: 'member' as const },
      { email: 'lord@people.test', role: 'owner' as const },
      { email: 'a@people.test', role: 'admin' as const },
      { email: 'Z@people.test', role: 'viewer' as const },
    ]
    const answer = await admin.invitations.create({ tenantId: 'current', invitations })
    if (!('results' in answer)) throw new Error('It was answered as one')
    expect(answer.results.map(({ email, outcome, code }) => [email, outcome, code])).toEqual([
      ['z@people.test', 'invited', null],
      ['known@people.test', 'rejected', 'invitation.already_pending'],
      ['lord@people.test', 'rejected', 'auth.permission_denied'],
      ['a@people.test', 'invited', null],
      ['z@people.test', 'rejected', 'invitation.already_pending'],
    ])
    expect(answer.results[0]?.invitation).toMatchObject({ email: 'z@people.test', role: 'member' })
    expect(await entriesOf(tenant.id, 'invitation.created')).toHaveLength(3)
    for (const email of ['a@people.test', 'z@people.test'])
      expect(await listOutbox(installation.dependencies, email)).toHaveLength(1)
  })

  test('are 200 at the most, and then listed page by page, the newest first', async () => {
    const { caller } = await installation.enter()
    const numbered = (count: number) =>
      Array.from({ length: count }, (_, place) => ({ email: `p${place}@many.test`, role: 'viewer' as const }))
    const refused = await refusalOf(caller.invitations.create({ tenantId: 'current', invitations: numbered(201) }))
    expect(refused).toMatchObject({ code: 'request.invalid', details: { issues: [{ path: 'invitations' }] } })
    const answer = await caller.invitations.create({ tenantId: 'current', invitations: numbered(200) })
    expect('results' in answer && answer.results.filter(({ outcome }) => outcome === 'invited')).toHaveLength(200)

    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await caller.invitations.list({ tenantId: 'current', limit: 90, ...(cursor ? { cursor } : {}) })
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    expect(seen).toEqual([...new Set(seen)].sort().reverse())
    expect(seen).toHaveLength(200)
  })
})

test('an invitation that is sent again has another link, runs anew, and is of whoever sent it', async () => {
  const { tenant, caller } = await installation.enter()
  const admin = await installation.createMember(tenant.id, 'admin')
  const { user, id, token, accept } = await invited(installation, caller)
  later(8 * day)
  expect(await refusalOf(accept())).toMatchObject({ code: 'invitation.expired' })
  const again = await installation
    .callerAs(admin, tenant.id)
    .invitations.resend({ tenantId: 'current', invitationId: id, expiresInSeconds: 7_200 })
  expect(again).toMatchObject({
    id,
    state: 'pending',
    sentAt: now.toISOString(),
    expiresAt: new Date(now.getTime() + 7_200_000).toISOString(),
    invitedBy: { type: 'user', id: admin.id },
  })
  const fresh = await tokenTo(installation, user.email)
  expect(fresh).not.toBe(token)
  expect(await refusalOf(accept(token))).toMatchObject({ code: 'invitation.unknown_token', status: 404 })
  expect(await entriesOf(tenant.id, 'invitation.resent')).toMatchObject([
    { targetId: id, changes: { expiresAt: { before: expect.any(String), after: again.expiresAt } } },
  ])
  expect(await accept(fresh)).toMatchObject({ tenantId: tenant.id, role: 'member' })
})

test('what has become of each is told and asked for: pending, accepted, revoked, expired', async () => {
  const { tenant, caller } = await installation.enter()
  const expired = await invite(caller, 'expired@people.test', 'member', { expiresInSeconds: 3_600 })
  const accepted = await invited(installation, caller)
  await accepted.accept()
  const revoked = await invite(caller, 'revoked@people.test')
  const { revokedAt } = await caller.invitations.revoke({ tenantId: 'current', invitationId: revoked.id })
  const pending = await invite(caller, 'pending@people.test')
  later(2 * 3_600_000)
  for (const [state, id] of Object.entries({
    expired: expired.id,
    accepted: accepted.id,
    revoked: revoked.id,
    pending: pending.id,
  })) {
    const { items } = await caller.invitations.list({ tenantId: 'current', state: state as 'pending' })
    expect(items.map((item) => [item.id, item.state])).toEqual([[id, state]])
  }
  const { items } = await caller.invitations.list({ tenantId: 'current' })
  expect(items.find(({ id }) => id === accepted.id)).toMatchObject({ acceptedBy: accepted.user.id })
  expect(items.find(({ id }) => id === revoked.id)).toMatchObject({ revokedAt })
  for (const [verb, invitationId] of [
    ['resend', accepted.id],
    ['resend', revoked.id],
    ['revoke', accepted.id],
    ['revoke', revoked.id],
  ] as const) {
    const refused = await refusalOf(caller.invitations[verb]({ tenantId: 'current', invitationId }))
    expect(refused).toMatchObject({ code: 'invitation.not_pending', status: 409 })
  }
  expect(await entriesOf(tenant.id, 'invitation.revoked')).toMatchObject([
    { targetId: revoked.id, changes: { state: { before: 'pending', after: 'revoked' } } },
  ])
  // Its address is free again.
  await invite(caller, 'revoked@people.test')
})

test('a preview shows which tenant and who, and nothing of whom', async () => {
  const { tenant, user, caller } = await installation.enter()
  const { token } = await invited(installation, caller, { role: 'admin' })
  expect(await callAsNobody(installation).invitations.preview({ token })).toEqual({
    tenantName: `Tenant ${tenant.slug}`,
    inviterName: user.email,
  })
  const { caller: service } = { caller: installation.callerAs({ type: 'service', name: 'import' }, tenant.id) }
  await invite(service, 'by-service@people.test')
  const [mail] = await listOutbox(installation.dependencies, 'by-service@people.test')
  expect(mail?.text).toContain(`You are invited to Tenant ${tenant.slug}, as a member.`)
  const byService = await tokenTo(installation, 'by-service@people.test')
  expect(await callAsNobody(installation).invitations.preview({ token: byService })).toEqual({
    tenantName: `Tenant ${tenant.slug}`,
    inviterName: `Tenant ${tenant.slug}`,
  })
})

test('preview and accept share a budget of an address, which no other call draws on', async () => {
  const { caller } = await installation.enter()
  const { token } = await invited(installation, caller)
  const here = callAsNobody(installation, '203.0.113.7')
  for (let call = 0; call < 60; call++) {
    const refused = await refusalOf(here.invitations.preview({ token: `guess-${call}` }))
    expect(refused.code).toBe('invitation.unknown_token')
  }
  expect(await refusalOf(here.invitations.preview({ token }))).toMatchObject({
    code: 'rate_limit.exceeded',
    status: 429,
  })
  expect(await here.plans.list()).toBeDefined()
  expect(await callAsNobody(installation, '198.51.100.7').invitations.preview({ token })).toBeDefined()
})
