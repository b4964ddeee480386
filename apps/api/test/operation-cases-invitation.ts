import { asAdmin } from '@tenantry/control-plane/capabilities/event/service.fixture'
import { invite, tokenTo } from '@tenantry/control-plane/capabilities/invitation/service.fixture'
import { operator } from '@tenantry/control-plane/testing'
import type { TestApi } from './api-server.ts'
import { lock, lockedIn } from './locked-person.fixture.ts'
import { asService, type Case, inPath, ofTenant } from './operation-case.ts'
import type { World } from './operation-world.ts'

type Before = NonNullable<Case['before']>

const made = new WeakMap<World, { invitationId: string; token: string }>()
const madeIn = (world: World) => made.get(world) ?? { invitationId: '', token: '' }
const theInvitation = (world: World) => ({ ...inPath(world), invitationId: madeIn(world).invitationId })
const noInvitation = ofTenant({ invitationId: '019cf6a1-4e00-7000-8000-0000000000f0' })
const theToken = (world: World) => ({ token: madeIn(world).token })
const noToken = { token: 'dGhpcyBpcyBubyB0b2tlbiBvZiBhbnkgaW52aXRhdGlvbg' }

const inviteAs = async (
  { installation }: TestApi,
  world: World,
  {
    caller,
    email = 'new@people.test',
    role = 'member' as const,
  }: {
    caller: Parameters<typeof invite>[0]
    email?: string
    role?: 'member' | 'admin' | 'owner'
  },
) => {
  const { id } = await invite(caller, email, role)
  made.set(world, { invitationId: id, token: await tokenTo(installation, email, world.tenant.slug) })
}
/** In a tenant that is suspended it was done before. */
const whileActive =
  (before: Before): Before =>
  async (api, world) => {
    const { installation } = api
    const turn = async (from: string, to: string) => {
      const turned = 'update tenantry.tenants set status = $3 where id = $1 and status = $2'
      const count = await asAdmin(installation, turned, [world.tenant.id, from, to])
      installation.dependencies.services.forgetAccess(world.tenant.id)
      return count === 1
    }
    const wasSuspended = await turn('suspended', 'active')
    await before(api, world)
    if (wasSuspended) await turn('active', 'suspended')
  }

const invited = (fields: { email?: string; role?: 'member' | 'admin' | 'owner' } = {}): Before =>
  whileActive((api, world) => inviteAs(api, world, { caller: asService(api, world), ...fields }))
const callerInvited =
  (role: 'member' | 'admin' = 'member'): Before =>
  (api, world) =>
    inviteAs(api, world, { caller: asService(api, world), email: world.user.email, role })

const then =
  (...steps: Before[]): Before =>
  async (api, world) => {
    for (const step of steps) await step(api, world)
  }
const revoke: Before = (api, world) =>
  asService(api, world).invitations.revoke({ tenantId: 'current', invitationId: madeIn(world).invitationId })
const accept: Before = ({ installation }, world) =>
  installation.callerAs(world.user).invitations.accept(theToken(world))
const runOut: Before = ({ installation }, world) =>
  asAdmin(installation, 'update tenantry.invitations set expires_at = created_at where id = $1', [
    madeIn(world).invitationId,
  ])
const suspend: Before = ({ installation }, world) =>
  installation.callerAs(operator).tenants.suspend({ ...inPath(world), reason: 'Invoice 2041 is unpaid.' })
const join: Before = ({ installation }, world) => installation.addMember(world.tenant.id, world.user.id, 'viewer')
const waitingFor: Before = ({ installation }, { tenant }) =>
  asAdmin(
    installation,
    `insert into tenantry.invitations (tenant_id, id, email, role, token_digest, invited_by_type, invited_by_id,
       invited_by_name, created_at, sent_at, expires_at)
     select $1, gen_random_uuid(), 'guest-' || n || '@people.test', 'viewer', n::text, 'system', 'preparation', 'Preparation',
       now(), now(), now() + interval '1 day' from generate_series(1, 500) n`,
    [tenant.id],
  )
const takeAdmins: Before = async ({ installation }, { tenant }) => {
  for (let admin = 0; admin < 3; admin++) await installation.createMember(tenant.id, 'admin')
}
const byAdminWhoLeft: Before = async (api, world) => {
  const { installation } = api
  const admin = await installation.createMember(world.tenant.id, 'admin')
  await inviteAs(api, world, { caller: installation.callerAs(admin, world.tenant.id), email: world.user.email })
  await asAdmin(installation, 'delete from tenantry.memberships where user_id = $1', [admin.id])
  installation.dependencies.services.forgetAccess(world.tenant.id)
}

const person = { email: 'New.Colleague@people.test', role: 'member' }

export const invitationCases: Record<string, Case[]> = {
  'invitations.list': [
    { expects: 'ok', as: 'admin', input: ofTenant({ state: 'pending', limit: 10 }), before: invited() },
    { expects: 'auth.permission_denied', as: 'member', input: inPath },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ state: 'lost', cursor: 'the second page' }) },
  ],
  'invitations.create': [
    { expects: 'ok', as: 'admin', input: ofTenant({ ...person, expiresInSeconds: 86_400 }) },
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({ invitations: [person, { email: 'lord@people.test', role: 'owner' }, person] }),
    },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant(person) },
    { expects: 'auth.permission_denied', as: 'admin', input: ofTenant({ ...person, role: 'owner' }) },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ email: 'no address', expiresInSeconds: 1 }) },
    { expects: 'request.invalid', as: 'admin', input: inPath },
    {
      expects: 'invitation.already_pending',
      as: 'admin',
      input: ofTenant(person),
      before: invited({ email: 'new.colleague@people.test' }),
    },
    {
      expects: 'member.deactivated',
      as: 'admin',
      input: (world) => ({ ...inPath(world), email: lockedIn(world).email, role: 'viewer' }),
      before: lock('other'),
    },
    {
      expects: 'invitation.already_member',
      as: 'admin',
      input: (world) => ({ ...inPath(world), email: world.user.email, role: 'viewer' }),
    },
    {
      expects: 'invitation.too_many_pending',
      as: 'admin',
      input: ofTenant({ email: 'one@more.test', role: 'viewer' }),
      before: waitingFor,
    },
  ],
  'invitations.resend': [
    { expects: 'ok', as: 'admin', input: theInvitation, before: invited() },
    { expects: 'auth.permission_denied', as: 'viewer', input: noInvitation },
    { expects: 'auth.permission_denied', as: 'admin', input: theInvitation, before: invited({ role: 'owner' }) },
    { expects: 'invitation.not_found', as: 'admin', input: noInvitation },
    { expects: 'invitation.not_pending', as: 'admin', input: theInvitation, before: then(invited(), revoke) },
  ],
  'invitations.revoke': [
    { expects: 'ok', as: 'admin', input: theInvitation, before: invited() },
    { expects: 'auth.permission_denied', as: 'viewer', input: noInvitation },
    { expects: 'invitation.not_found', as: 'admin', input: noInvitation },
    { expects: 'invitation.not_pending', as: 'admin', input: theInvitation, before: then(invited(), revoke) },
  ],
  'invitations.preview': [
    { expects: 'ok', as: 'anonymous', input: theToken, before: invited() },
    { expects: 'ok', as: 'viewer', input: theToken, before: invited() },
    { expects: 'invitation.unknown_token', as: 'anonymous', input: noToken },
    {
      expects: 'invitation.already_accepted',
      as: 'anonymous',
      input: theToken,
      before: then(callerInvited(), accept),
    },
    { expects: 'invitation.revoked', as: 'anonymous', input: theToken, before: then(invited(), revoke) },
    { expects: 'invitation.expired', as: 'anonymous', input: theToken, before: then(invited(), runOut) },
    { expects: 'tenant.inactive', as: 'anonymous', input: theToken, before: then(invited(), suspend) },
  ],
  'invitations.accept': [
    { expects: 'ok', as: 'stranger', input: theToken, before: callerInvited() },
    { expects: 'invitation.unknown_token', as: 'stranger', input: noToken },
    { expects: 'invitation.email_mismatch', as: 'stranger', input: theToken, before: invited() },
    {
      expects: 'invitation.already_accepted',
      as: 'stranger',
      input: theToken,
      before: then(callerInvited(), accept),
    },
    { expects: 'invitation.revoked', as: 'stranger', input: theToken, before: then(callerInvited(), revoke) },
    { expects: 'invitation.expired', as: 'stranger', input: theToken, before: then(callerInvited(), runOut) },
    { expects: 'tenant.inactive', as: 'stranger', input: theToken, before: then(callerInvited(), suspend) },
    { expects: 'invitation.inviter_lost_rights', as: 'stranger', input: theToken, before: byAdminWhoLeft },
    {
      expects: 'invitation.already_member',
      as: 'stranger',
      input: theToken,
      before: then(callerInvited(), join),
    },
    {
      expects: 'usage.limit_exceeded',
      as: 'stranger',
      input: theToken,
      before: then(callerInvited('admin'), takeAdmins),
    },
  ],
}
