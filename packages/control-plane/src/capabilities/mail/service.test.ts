import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { deliverMails, listOutbox, queueMail } from './index.ts'
import { type MailServer, openMailServer } from './mail-server.fixture.ts'
import type { Message } from './rules/message.ts'

let now: Date
let installation: TestInstallation
let server: MailServer

beforeAll(async () => {
  server = await openMailServer()
  installation = await openTestInstallation({ clock: { now: () => now }, mailer: server.mailer })
})

afterAll(async () => {
  await server.close()
  await installation.close()
})

beforeEach(async () => {
  now = new Date('2026-11-21T10:00:00Z')
  server.refusal = null
  server.received = []
})

const later = (minutes: number) => {
  now = new Date(now.getTime() + minutes * 60_000)
}
const deliver = () => deliverMails(installation.dependencies)
const messageIdOf = ({ raw }: { raw: string }) => /^message-id: (.+)$/im.exec(raw)?.[1]?.trim()

async function queue(recipient: string, paragraphs: Message['paragraphs'] = ['One & only']): Promise<string> {
  const { id } = await installation.createTenant()
  await installation.database.tenantUnit(
    { tenantId: id, actor: { type: 'system', name: 'test' }, readOnly: false },
    (em) =>
      queueMail({ ...installation.dependencies, em, tenant: { id } }, { recipient, subject: 'Ready', paragraphs }),
  )
  return id
}

test('the owner of a new tenant gets one welcome mail, as text and as HTML', async () => {
  const admin = await installation.createUser()
  const { slug } = await installation
    .callerAs({ ...operator, ...admin })
    .tenants.create({ name: 'Bits & Bobs', ownerEmail: 'Owner@Bobs.test' })
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  const [mail, ...others] = server.received
  expect(others).toEqual([])
  expect(mail?.to).toEqual(['owner@bobs.test'])
  expect(mail?.raw).toMatch(/^from: Tenantry <mail@tenantry\.example>\r$/im)
  expect(mail?.raw).toMatch(/^subject: Bits & Bobs is ready\r$/im)
  expect(mail?.raw).toMatch(
    /content-type: text\/plain[\s\S]*Bits & Bobs has been set up[\s\S]*content-type: text\/html/i,
  )
  expect(mail?.raw).toContain('Bits &amp; Bobs has been set up')
  expect(await listOutbox(installation.dependencies, 'owner@bobs.test')).toMatchObject([
    { to: 'owner@bobs.test', subject: 'Bits & Bobs is ready', text: expect.stringContaining(slug), links: [] },
  ])
})

test('a mail that the server does not take is tried again, later and later, as the same mail', async () => {
  await queue('a@people.test')
  server.refusal = Object.assign(new Error('Mailbox is full'), { responseCode: 452 })
  expect(await deliver()).toEqual({ sent: 0, failed: 1 })
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  later(1)
  expect(await deliver()).toEqual({ sent: 0, failed: 1 })
  server.refusal = null
  later(4)
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  later(1)
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  expect(server.received).toHaveLength(1)
})

test('a mail that no server takes is given up in the end', async () => {
  await queue('b@people.test')
  server.refusal = Object.assign(new Error('No such user'), { responseCode: 550 })
  let tries = 0
  for (let day = 0; day < 12; day++, later(1_440)) tries += (await deliver()).failed
  expect(tries).toBe(8)
  const database = new pg.Client(installation.testDatabase.adminUrl)
  const jobs = new pg.Client(installation.testDatabase.urls.tenantry_jobs)
  await Promise.all([database.connect(), jobs.connect()])
  onTestFinished(async () => void (await Promise.all([database.end(), jobs.end()])))
  await jobs.query('delete from tenantry.mails')
  expect(await listOutbox(installation.dependencies, 'b@people.test')).toHaveLength(1)
  await database.query(
    `update tenantry.mails set created_at = now() - interval '31 days' where recipient = 'b@people.test'`,
  )
  await jobs.query('delete from tenantry.mails')
  expect(await listOutbox(installation.dependencies, 'b@people.test')).toEqual([])
})

test('a mail whose sender is lost in the last try is tried once more', async () => {
  await queue('last@people.test')
  const database = new pg.Client(installation.testDatabase.adminUrl)
  await database.connect()
  onTestFinished(() => database.end())
  await database.query(`update tenantry.mails set attempts = 7 where recipient = 'last@people.test'`)
  await database.query(
    `create function public.lose() returns trigger language plpgsql as $$ begin raise 'lost'; end $$`,
  )
  await database.query(
    'create trigger lose before update of sent_at on tenantry.mails for each row execute function public.lose()',
  )
  await expect(deliver()).rejects.toThrow('lost')
  await database.query('drop trigger lose on tenantry.mails')
  later(10)
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
})

test('a mail that takes its server long is sent once, and all that is due in one run', async () => {
  for (let count = 0; count < 21; count++) await queue(`many-${count}@people.test`)
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let sent = 0
  const send = async () => {
    sent += 1
    begun.resolve()
    await gate.promise
  }
  const { dependencies } = installation
  const services = { ...dependencies.services, mailer: { send, close: () => undefined } }
  const first = deliverMails({ ...dependencies, services })
  await begun.promise
  await expect.poll(() => sent).toBe(20)
  later(0.5)
  gate.resolve()
  expect(await first).toEqual({ sent: 21, failed: 0 })

  await queue('slow@people.test')
  const slow = Promise.withResolvers<void>()
  const sendSlowly = () => {
    sent += 1
    return slow.promise
  }
  const waiting = { send: sendSlowly, close: () => undefined }
  const second = deliverMails({ ...dependencies, services: { ...services, mailer: waiting } })
  await expect.poll(() => sent).toBe(22)
  later(2)
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  slow.resolve()
  expect(await second).toEqual({ sent: 1, failed: 0 })
})

test('a mail whose sender is lost before it was marked is sent again, under the same Message-ID', async () => {
  await queue('c@people.test')
  const database = new pg.Client(installation.testDatabase.adminUrl)
  await database.connect()
  onTestFinished(() => database.end())
  await database.query(
    `create function public.crash() returns trigger language plpgsql as $$ begin raise 'crashed'; end $$`,
  )
  await database.query(
    'create trigger crash before update of sent_at on tenantry.mails for each row execute function public.crash()',
  )
  await expect(deliver()).rejects.toThrow('crashed')
  await database.query('drop trigger crash on tenantry.mails')
  later(1)
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  later(9)
  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  expect(server.received).toHaveLength(2)
  const [first, second] = server.received.map(messageIdOf)
  expect(first).toMatch(/^<[0-9a-f-]{36}@tenantry\.example>$/)
  expect(second).toBe(first)
  expect(await listOutbox(installation.dependencies, 'c@people.test')).toHaveLength(1)
})

test('mails of a tenant that does not act, or stands below one, wait until it does', async () => {
  const operators = installation.callerAs(operator).tenants
  const [own, top] = [await queue('own@people.test'), await installation.createTenant()]
  const below = await queue('below@people.test')
  await operators.move({ tenantId: below, parentId: top.id, reason: 'x' })
  for (const tenantId of [own, top.id]) await operators.suspend({ tenantId, reason: 'abuse' })
  later(1)
  expect(await deliver()).toEqual({ sent: 0, failed: 0 })
  for (const tenantId of [own, top.id]) await operators.reactivate({ tenantId, reason: 'cleared' })
  expect(await deliver()).toEqual({ sent: 2, failed: 0 })
})

test('of several processes one sends', async () => {
  await queue('d@people.test')
  const outcomes = await Promise.all([deliver(), deliver(), deliver()])
  expect(outcomes.reduce((sum, { sent }) => sum + sent, 0)).toBe(1)
  expect(server.received).toHaveLength(1)
})

test('without a mail server mails wait, and a developer sees them, the newest first', async () => {
  const { dependencies } = installation
  const alone = { ...dependencies, services: { ...dependencies.services, mailer: null } }
  await queue('e@people.test')
  later(1)
  await queue('e@people.test')
  expect(await deliverMails(alone)).toEqual({ sent: 0, failed: 0 })
  expect(server.received).toEqual([])
  const [newest, oldest] = await listOutbox(alone, 'e@people.test')
  expect(newest).toMatchObject({ text: 'One & only\n', html: expect.stringContaining('One &amp; only') })
  expect(newest?.createdAt.getTime()).toBeGreaterThan(oldest?.createdAt.getTime() ?? 0)
  expect(await deliver()).toEqual({ sent: 2, failed: 0 })
})

const secretUrl = 'https://tenantry.example/invitations/accept#token=s3cret-t0ken'
const holding = (installation: TestInstallation, text: string) =>
  asAdmin(installation, 'select from tenantry.mails m where strpos(m::text, $1) > 0', [text])

test('a secret link is in the mail that is sent, and in the table at no time', async () => {
  await queue('f@people.test', ['Join us', { secretUrl }])
  expect(await holding(installation, 's3cret')).toBe(0)
  expect((await listOutbox(installation.dependencies, 'f@people.test'))[0]?.links).toEqual([secretUrl])

  expect(await deliver()).toEqual({ sent: 1, failed: 0 })
  expect(server.received[0]?.raw.replaceAll(/=\r\n/g, '').split('s3cret-t0ken')).toHaveLength(4)
  const [sent] = await listOutbox(installation.dependencies, 'f@people.test')
  expect(sent).toMatchObject({ text: 'Join us\n\n(A link for you alone stood here.)\n', links: [] })
})

test('a secret link is forgotten with the mail that is given up, also where the mail server repeats it', async () => {
  await queue('g@people.test', [{ secretUrl }])
  server.refusal = Object.assign(new Error(`Spam: ${secretUrl}`), { responseCode: 550 })
  for (let day = 0; day < 12; day++, later(1_440)) await deliver()
  expect(await holding(installation, 's3cret')).toBe(0)
  expect((await listOutbox(installation.dependencies, 'g@people.test'))[0]?.links).toEqual([])
})
