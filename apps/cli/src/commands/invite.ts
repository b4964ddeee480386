import type { Command } from 'commander'
import { commandGroup, defineCommand, type Paging, paged, pageOf, type Surroundings } from '../command.ts'
import { operate } from '../installation.ts'
import { pageOfTable } from '../terminal.ts'

const contract = () => import('@tenantry/control-plane/capabilities/invitation/contract')

export const inviteCommand = (surroundings: Surroundings): Command =>
  commandGroup('invite', 'Invite people to a tenant by e-mail; list, send again and revoke invitations.', [
    createCommand(surroundings),
    listCommand(surroundings),
    resendCommand(surroundings),
    revokeCommand(surroundings),
  ])

interface Invitation {
  id: string
  email: string
  role: string
  expiresAt: string
}

const told = (invitation: Invitation) => {
  const { id, email, role, expiresAt } = invitation
  const text = `${email} is invited as ${role} until ${expiresAt} (${id}). A running service sends the mail.`
  return { text, data: invitation }
}

const expiry = ['--expires-in-seconds <number>', 'how long it can be accepted, an hour to 30 days (a week)'] as const
const seconds = (text: string | undefined) => (text === undefined ? undefined : Number(text))
const someInvitation = '01a1fe4a-e164-70a4-95ad-ed4d6a233a17'

const createCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ email: string; role: string; roleIds?: string[]; expiresInSeconds?: string }>(
    surroundings,
    'create <tenant>',
    {
      description:
        'Invite somebody to a tenant by e-mail, with a link that works once. They need not have signed in before.',
      examples: [
        ['invite create acme --email new@acme.example --role member', 'for a week'],
        ['invite create acme --email new@acme.example --role viewer --expires-in-seconds 86400', 'for a day'],
      ],
    },
    async (options, tenant = '') => {
      const operation = async () => (await contract()).createInvitation
      const input = { ...options, expiresInSeconds: seconds(options.expiresInSeconds) }
      const data = await operate(surroundings, { operation, tenant, input }, (caller, checked) =>
        caller.invitations.create(checked),
      )
      // One address is answered with its invitation, several with results.
      return 'results' in data ? { text: JSON.stringify(data.results), data } : told(data)
    },
  )
    .requiredOption('--email <email>', 'whom')
    .requiredOption('--role <role>', 'what they become: owner, admin, member or viewer')
    .option('--role-ids <id...>', 'custom roles besides, of role list')
    .option(...expiry)

const listCommand = (surroundings: Surroundings): Command =>
  paged(
    defineCommand<Paging & { state?: string }>(
      surroundings,
      'list <tenant>',
      {
        description: 'List the invitations of a tenant, the newest first, whatever has become of them.',
        examples: [['invite list acme --state pending', 'who has not accepted yet']],
      },
      async (options, tenant = '') => {
        const operation = async () => (await contract()).listInvitations
        const input = { ...options, ...pageOf(options) }
        const page = await operate(surroundings, { operation, tenant, input }, (caller, checked) =>
          caller.invitations.list(checked),
        )
        const rows = page.items.map(({ email, role, state, sentAt, expiresAt, id }) => [
          email,
          role,
          state,
          sentAt,
          expiresAt,
          id,
        ])
        return { text: pageOfTable(['email', 'role', 'state', 'sent', 'expires', 'id'], rows, page), data: page }
      },
    ).option('--state <state>', 'pending, accepted, revoked or expired'),
  )

const resendCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ expiresInSeconds?: string }>(
    surroundings,
    'resend <tenant> <invitation>',
    {
      description:
        'Send an invitation again, named by its id, with a new link: the one before works no longer, and it runs anew.',
      examples: [[`invite resend acme ${someInvitation}`, 'the id is that of invite list']],
    },
    async ({ expiresInSeconds }, tenant = '', invitationId = '') => {
      const operation = async () => (await contract()).resendInvitation
      const input = { invitationId, expiresInSeconds: seconds(expiresInSeconds) }
      return told(
        await operate(surroundings, { operation, tenant, input }, (caller, checked) =>
          caller.invitations.resend(checked),
        ),
      )
    },
  ).option(...expiry)

const revokeCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'revoke <tenant> <invitation>',
    {
      description: 'Revoke an invitation, named by its id: its link stops working at once.',
      examples: [[`invite revoke acme ${someInvitation}`, 'the id is that of invite list']],
    },
    async (_, tenant = '', invitationId = '') => {
      const operation = async () => (await contract()).revokeInvitation
      const data = await operate(surroundings, { operation, tenant, input: { invitationId } }, (caller, checked) =>
        caller.invitations.revoke(checked),
      )
      return { text: `Revoked ${data.id}.`, data }
    },
  )
