import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { listOutbox } from '../mail/index.ts'
import { invite, refusalOf } from './service.fixture.ts'

const current = { tenantId: 'current' } as const
let now = new Date('2026-11-21T10:00:00Z')
const later = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1_000)
}
let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
})
afterAll(() => installation.close())

let made = 0
const numbered = (count: number) => {
  made += 1
  return Array.from({ length: count }, (_, place) => ({
    email: `p${made}-${place}@many.test`,
    role: 'viewer' as const,
  }))
}
const exceeded = (retryAfterSeconds: number, limit: number) => ({
  code: 'rate_limit.exceeded',
  status: 429,
  details: { retryAfterSeconds, limit },
})

test('a tenant sends 250 mails an hour, and has at most 500 invitations pending', async () => {
  const { caller } = await installation.enter()
  const many = (count: number) => caller.invitations.create({ ...current, invitations: numbered(count) })
  await many(200)
  later(600)
  const [beyond, within] = [numbered(51), numbered(50)]
  const refused = caller.invitations.create({ ...current, invitations: beyond })
  expect(await refusalOf(refused)).toMatchObject(exceeded(3_000, 250))
  expect(await listOutbox(installation.dependencies, beyond[0]?.email)).toEqual([])
  await caller.invitations.create({ ...current, invitations: within })
  expect(await refusalOf(invite(caller, 'one-more@many.test'))).toMatchObject(exceeded(3_000, 250))
  later(3_600)
  await many(200)
  later(3_600)
  const full = { code: 'invitation.too_many_pending', status: 409, details: { limit: 500, used: 450 } }
  expect(await refusalOf(many(51))).toMatchObject(full)
  await many(50)
})

test('an address gets 5 mails of a tenant a day, however they come about; of many it is refused alone', async () => {
  const [{ caller }, other] = [await installation.enter(), await installation.enter()]
  const email = 'pestered@people.test'
  for (let sent = 0; sent < 4; sent += 1) {
    const { id } = await invite(caller, email)
    await caller.invitations.revoke({ ...current, invitationId: id })
  }
  const { id: invitationId } = await invite(caller, email)
  later(100)
  expect(await refusalOf(caller.invitations.resend({ ...current, invitationId }))).toMatchObject(exceeded(86_300, 5))
  await caller.invitations.revoke({ ...current, invitationId })
  const invitations = [{ email, role: 'viewer' as const }, ...numbered(1)]
  expect(await caller.invitations.create({ ...current, invitations })).toMatchObject({
    results: [{ outcome: 'rejected', code: 'rate_limit.exceeded' }, { outcome: 'invited' }],
  })
  expect(await listOutbox(installation.dependencies, email)).toHaveLength(5)
  await invite(other.caller, email)
  later(86_400)
  await invite(caller, email)
})

test('between two times that an invitation is sent again lies a minute', async () => {
  const { caller } = await installation.enter()
  const { id: invitationId } = await invite(caller, 'patient@people.test')
  const resend = () => caller.invitations.resend({ ...current, invitationId })
  await resend()
  later(20)
  expect(await refusalOf(resend())).toMatchObject(exceeded(40, 1))
  later(40)
  expect(await resend()).toMatchObject({ id: invitationId })
})
