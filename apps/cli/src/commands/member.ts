import type { Command } from 'commander'
import { commandGroup, defineCommand, type Paging, paged, pageOf, type Surroundings } from '../command.ts'
import { operate } from '../installation.ts'
import { pageOfTable } from '../terminal.ts'

const contract = () => import('@tenantry/control-plane/capabilities/member/contract')

export const memberCommand = (surroundings: Surroundings): Command =>
  commandGroup('member', 'List, add, change and remove the members of a tenant, and transfer its ownership.', [
    listCommand(surroundings),
    addCommand(surroundings),
    updateCommand(surroundings),
    removeCommand(surroundings),
    transferCommand(surroundings),
  ])

interface Member {
  userId: string
  email: string
  role: string
}

const told = (member: Member) => ({ text: `${member.email} (${member.userId}) is ${member.role}.`, data: member })

const roleOption = ['--role <role>', 'owner, admin, member or viewer'] as const
const someUser = '01a1fe4a-e164-70a4-95ad-ed4d6a233a17'

const listCommand = (surroundings: Surroundings): Command =>
  paged(
    defineCommand<Paging & { role?: string; q?: string }>(
      surroundings,
      'list <tenant>',
      {
        description:
          'List the members of a tenant, the newest first, those included that a tenant above makes members.',
        examples: [
          ['member list acme', 'with their ids, by which they are changed'],
          ['member list acme --role owner', 'who owns it'],
        ],
      },
      async (options, tenant = '') => {
        const operation = async () => (await contract()).listMembers
        const input = { ...options, ...pageOf(options) }
        const page = await operate(surroundings, { operation, tenant, input }, (caller, checked) =>
          caller.members.list(checked),
        )
        const rows = page.items.map(({ email, name, role, state, permissions, inheritedFrom, joinedAt, userId }) => [
          email,
          name ?? '',
          role,
          state,
          permissions.join(' '),
          inheritedFrom ?? '',
          joinedAt,
          userId,
        ])
        const names = ['email', 'name', 'role', 'state', 'scopes beyond it', 'inherited from', 'joined', 'id']
        return { text: pageOfTable(names, rows, page), data: page }
      },
    )
      .option('--role <role>', 'only owners, admins, members or viewers: owner, admin, member or viewer')
      .option('--q <text>', 'what name or e-mail address begins with'),
  )

const addCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ role: string }>(
    surroundings,
    'add <tenant> <user>',
    {
      description:
        'Make an existing user a member of a tenant, named by id or address. Whoever has not signed in yet is invited: see invite create.',
      examples: [['member add acme ada@people.test --role viewer', 'who has signed in before']],
    },
    async ({ role }, tenant = '', user = '') => {
      const operation = async () => (await contract()).addMember
      const input = { role }
      return told(
        await operate(surroundings, { operation, tenant, user, input }, (caller, checked) =>
          caller.members.add(checked),
        ),
      )
    },
  ).requiredOption(...roleOption)

const updateCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ role: string }>(
    surroundings,
    'update <tenant> <user>',
    {
      description:
        'Change the role of a member, named by id or address: it counts within a second. A tenant keeps an owner.',
      examples: [['member update acme ada@people.test --role admin', 'or by the id of member list']],
    },
    async ({ role }, tenant = '', user = '') => {
      const operation = async () => (await contract()).updateMember
      const input = { role }
      return told(
        await operate(surroundings, { operation, tenant, user, input }, (caller, checked) =>
          caller.members.update(checked),
        ),
      )
    },
  ).requiredOption(...roleOption)

const removeCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'remove <tenant> <user>',
    {
      description: 'Remove a member, named by id or address: they and their API keys lose access within a second.',
      examples: [[`member remove acme ${someUser}`, 'the last owner transfers the ownership first']],
    },
    async (_, tenant = '', user = '') => {
      const operation = async () => (await contract()).removeMember
      const data = await operate(surroundings, { operation, tenant, user, input: {} }, (caller, checked) =>
        caller.members.remove(checked),
      )
      return { text: `Removed ${data.userId}.`, data }
    },
  )

const transferCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ keepRole?: string }>(
    surroundings,
    'transfer-ownership <tenant> <user>',
    {
      description:
        'Make a member, named by id or address, the owner of a tenant. Its only owner makes room and becomes an admin, or what --keep-role says; several owners stay.',
      examples: [
        [`member transfer-ownership acme ${someUser}`, 'the former owner becomes an admin'],
        [`member transfer-ownership acme ${someUser} --keep-role owner`, 'they own it together'],
      ],
    },
    async (input, tenant = '', user = '') => {
      const operation = async () => (await contract()).transferOwnership
      const data = await operate(surroundings, { operation, tenant, user, input }, (caller, checked) =>
        caller.members.transferOwnership(checked),
      )
      const { owner, formerOwner } = data
      const former = formerOwner === null ? 'The owners before stay.' : told(formerOwner).text
      return { text: `${told(owner).text}\n${former}`, data }
    },
  ).option('--keep-role <role>', 'what the former owner becomes: owner, admin, member or viewer (admin)')
