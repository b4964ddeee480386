import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { invited, refusalOf, tokenTo } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** Codes of the refusals, and `ok`, sorted. */
const outcomes = async (calls: Promise<unknown>[]) =>
  (await Promise.allSettled(calls))
    .map((settled) => (settled.status === 'fulfilled' ? 'ok' : (settled.reason as { code: string }).code))
    .sort()

const membersOf = (tenantId: string) =>
  asAdmin(installation, 'select from tenantry.memberships where tenant_id = $1', [tenantId])

test('of 20 who accept at once for one free seat exactly one gets it', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  for (let seat = 2; seat < 5; seat++) await installation.createMember(tenant.id, 'member')
  const people = []
  for (let person = 0; person < 20; person++) people.push(await invited(installation, caller))
  const refused = Array.from({ length: 19 }, () => 'usage.limit_exceeded')
  expect(await outcomes(people.map(({ accept }) => accept()))).toEqual(['ok', ...refused])
  expect(await membersOf(tenant.id)).toBe(5)
  const { items } = await caller.invitations.list({ tenantId: 'current', state: 'accepted' })
  expect(items).toHaveLength(1)
  expect((await caller.tenants.usage()).usersCount).toBe(5)
})

test('one token accepted 10 times at once makes one member', async () => {
  const { tenant, caller } = await installation.enter()
  const { accept } = await invited(installation, caller)
  const again = Array.from({ length: 9 }, () => 'invitation.already_accepted')
  expect(await outcomes(Array.from({ length: 10 }, () => accept()))).toEqual([...again, 'ok'])
  expect(await membersOf(tenant.id)).toBe(2)
})

test('an invitation is accepted or revoked, never both', async () => {
  for (let round = 0; round < 5; round++) {
    const { tenant, caller } = await installation.enter()
    const { id, accept } = await invited(installation, caller)
    const revoking = caller.invitations.revoke({ tenantId: 'current', invitationId: id })
    const [accepting, revoked] = await Promise.allSettled([accept(), revoking])
    const { items } = await caller.invitations.list({ tenantId: 'current' })
    const accepted = accepting.status === 'fulfilled'
    expect(revoked.status).toBe(accepted ? 'rejected' : 'fulfilled')
    expect(items[0]?.state).toBe(accepted ? 'accepted' : 'revoked')
    expect(await membersOf(tenant.id)).toBe(accepted ? 2 : 1)
  }
})

test('of 10 who invite the same address at once one does, and of many in any order none waits for ever', async () => {
  const { caller } = await installation.enter()
  const one = () => caller.invitations.create({ tenantId: 'current', email: 'same@people.test', role: 'member' })
  const pending = Array.from({ length: 9 }, () => 'invitation.already_pending')
  expect(await outcomes(Array.from({ length: 10 }, one))).toEqual([...pending, 'ok'])

  const emails = Array.from({ length: 20 }, (_, place) => `p${place}@people.test`)
  const many = (order: string[]) =>
    caller.invitations.create({
      tenantId: 'current',
      invitations: order.map((email) => ({ email, role: 'member' as const })),
    })
  const answers = await Promise.all([many(emails), many(emails.toReversed()), many(emails)])
  const invitations = answers.flatMap((answer) => ('results' in answer ? answer.results : []))
  expect(invitations.filter(({ outcome }) => outcome === 'invited')).toHaveLength(20)
})

test('a link that is replaced while it is being accepted does not work', async () => {
  const { caller } = await installation.enter()
  const { user, id, accept } = await invited(installation, caller)
  const { invitations } = installation.dependencies.services
  const find = invitations.find
  invitations.find = async (token) => {
    const found = await find(token)
    invitations.find = find
    await caller.invitations.resend({ tenantId: 'current', invitationId: id })
    return found
  }
  expect(await refusalOf(accept())).toMatchObject({ code: 'invitation.unknown_token' })
  expect(await accept(await tokenTo(installation, user.email))).toMatchObject({ role: 'member' })
})
