import { openTestInstallation, type TestInstallation } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openInstallation } from '../src/open-installation.ts'
import { environmentOf, type } from './cli.fixture.ts'

// Each command opens an installation of its own.
vi.setConfig({ testTimeout: 60_000 })

let installation: TestInstallation
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  installation = await openTestInstallation()
  environment = environmentOf(installation)
})
afterAll(() => installation.close())

const json = async (typed: string) => JSON.parse((await type(`${typed} --json`, environment)).out)

async function audited(tenantId: string, prefix: string): Promise<string[]> {
  const entries = await installation.auditEntries(tenantId)
  const mine = entries.filter(
    ({ action, actorType, actorId }) => action.startsWith(prefix) && `${actorType}:${actorId}` === 'system:cli',
  )
  return mine.map(({ action }) => action)
}

test('members are added, listed, changed and removed, and the audit log says by whom', async () => {
  const { tenant, user: owner } = await installation.enter()
  const other = await installation.createUser()
  const added = await type(`member add ${tenant.slug} ${other.id} --role viewer`, environment)
  expect(added).toEqual({ code: 0, out: `${other.email} (${other.id}) is viewer.\n`, error: '' })
  expect(await json(`member update ${tenant.slug} ${other.email.toUpperCase()} --role admin`)).toMatchObject({
    role: 'admin',
  })

  const { out } = await type(`member list ${tenant.id} --limit 1`, environment)
  expect(out).toMatch(/^EMAIL +NAME +ROLE +STATE +SCOPES BEYOND IT +INHERITED FROM +JOINED +ID\n/)
  const rest = await json(`member list ${tenant.id} --cursor ${/--cursor (\S+)/.exec(out)?.[1]}`)
  expect(rest).toMatchObject({ items: [{ userId: owner.id }], nextCursor: null })
  expect((await json(`member list ${tenant.id} --role admin --q ${other.email}`)).items).toHaveLength(1)

  expect((await type(`member remove ${tenant.slug} ${other.email}`, environment)).out).toBe(`Removed ${other.id}.\n`)
  expect(await type(`member remove ${tenant.slug} ${other.id}`, environment)).toMatchObject({
    code: 1,
    error: 'There is no such member in this tenant. (member.not_found)\n',
  })
  expect(await type(`member remove ${tenant.slug} ${owner.id}`, environment)).toMatchObject({
    code: 1,
    error: expect.stringContaining('(member.last_owner)'),
  })
  expect(await audited(tenant.id, 'member.')).toEqual(['member.added', 'member.role_changed', 'member.removed'])
})

test('an ownership is transferred: the only owner makes room, or keeps the role that is told', async () => {
  const { tenant, user: owner } = await installation.enter()
  const heir = await installation.createMember(tenant.id, 'member')
  const { out } = await type(`member transfer-ownership ${tenant.slug} ${heir.email}`, environment)
  expect(out).toBe(`${heir.email} (${heir.id}) is owner.\n${owner.email} (${owner.id}) is admin.\n`)
  const together = await json(`member transfer-ownership ${tenant.slug} ${owner.id} --keep-role owner`)
  expect(together).toMatchObject({ owner: { userId: owner.id, role: 'owner' }, formerOwner: null })
  const stay = await type(`member transfer-ownership ${tenant.slug} ${owner.id}`, environment)
  expect(stay).toMatchObject({ code: 0, out: expect.stringContaining('The owners before stay.') })
})

test('people are invited, invited again and no longer, and who is waited for is listed', async () => {
  const { tenant } = await installation.enter()
  const created = await type(`invite create ${tenant.slug} --email New@people.test --role member`, environment)
  expect(created).toMatchObject({
    code: 0,
    out: expect.stringMatching(
      /^new@people\.test is invited as member until \S+ \(\S+\)\. A running service sends the mail\.\n$/,
    ),
  })
  const [pending] = (await json(`invite list ${tenant.slug} --state pending`)).items
  const day = await json(`invite resend ${tenant.slug} ${pending.id} --expires-in-seconds 86400`)
  expect(Date.parse(day.expiresAt) - Date.parse(day.sentAt)).toBe(86_400_000)
  expect((await type(`invite revoke ${tenant.slug} ${pending.id}`, environment)).out).toBe(`Revoked ${pending.id}.\n`)
  const { out } = await type(`invite list ${tenant.slug}`, environment)
  expect(out).toMatch(/^EMAIL +ROLE +STATE +SENT +EXPIRES +ID\nnew@people\.test +member +revoked /)
  expect(await type(`invite resend ${tenant.slug} ${pending.id}`, environment)).toMatchObject({
    code: 1,
    error: expect.stringContaining('(invitation.not_pending)'),
  })
  expect(await audited(tenant.id, 'invitation.')).toEqual([
    'invitation.created',
    'invitation.resent',
    'invitation.revoked',
  ])
})

test.each([
  { told: {}, url: 'http://127.0.0.1:3000' },
  { told: { PORT: '4100' }, url: 'http://127.0.0.1:4100' },
  { told: { PORT: '4100', HOST: '::1' }, url: 'http://[::1]:4100' },
  { told: { PORT: '4100', PUBLIC_URL: 'https://app.acme.test/' }, url: 'https://app.acme.test' },
])('links in mails that it writes lead to $url, as those of the service do', async ({ told, url }) => {
  const quiet = { ...environment, ...told, LOG_LEVEL: 'silent' }
  expect(await openInstallation(quiet, async ({ dependencies }) => dependencies.services.publicUrl)).toBe(url)
})

test('custom roles are made, changed, given, taken and deleted', async () => {
  const { tenant } = await installation.enter({ plan: 'enterprise' })
  const member = await installation.createMember(tenant.id, 'viewer')
  const create = `role create ${tenant.slug} --name Lead --base-role member --scopes members:read --inheritable`
  const { id } = await json(create)
  expect(await type(create, environment)).toMatchObject({
    code: 1,
    error: expect.stringContaining('(role.name_taken)'),
  })
  const updated = await type(
    `role update ${tenant.slug} ${id} --no-base-role --no-inheritable --scopes usage:read members:read --expected-version 1`,
    environment,
  )
  expect(updated.out).toBe(`Lead (${id}), version 2, holds usage:read, members:read.\n`)
  expect(await json(`role update ${tenant.slug} ${id} --description Leads`)).toMatchObject({ description: 'Leads' })
  expect(await json(`role update ${tenant.slug} ${id} --no-description`)).toMatchObject({
    description: null,
    scopes: ['usage:read', 'members:read'],
    inheritable: false,
  })

  const assigned = await type(`role assign ${tenant.slug} ${member.email} ${id}`, environment)
  expect(assigned.out).toBe(`${member.id} holds Lead.\n`)
  const { out } = await type(`role list ${tenant.slug}`, environment)
  expect(out).toMatch(/^NAME +HOLDS +INHERITABLE +MEMBERS +ID\nLead +usage:read members:read +no +1 /)
  expect(await type(`role delete ${tenant.slug} ${id}`, environment)).toMatchObject({
    code: 1,
    error: expect.stringContaining('(role.assigned)'),
  })
  expect((await type(`role unassign ${tenant.slug} ${member.id} ${id}`, environment)).out).toMatch(
    /holds Lead no longer/,
  )
  expect((await type(`role delete ${tenant.slug} ${id}`, environment)).out).toBe(`Deleted ${id}; 0 members held it.\n`)
  const actions = ['role.created', 'role.updated', 'role.assigned', 'role.unassigned', 'role.deleted']
  expect([...new Set(await audited(tenant.id, 'role.'))]).toEqual(actions)
})

test('the scopes that a role can be made of are listed with what they let', async () => {
  const { tenant } = await installation.enter()
  const { out } = await type(`role scopes ${tenant.slug}`, environment)
  expect(out).toMatch(/^SCOPE +BASE ROLES +COUNTS +LETS\n/)
  expect(out).toMatch(/^members:manage +owner admin +yes +\S/m)
})

test.each(['member list', 'invite list', 'role list', 'role scopes'])(
  '%s of a tenant that is not there names it',
  async (command) => {
    const { code, error } = await type(`${command} gone-tenant`, environment)
    expect({ code, error }).toEqual({
      code: 1,
      error: 'There is no tenant “gone-tenant”. Name it by slug, id or externalId. (tenant.not_found)\n',
    })
  },
)
