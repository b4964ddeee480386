import type { Command } from 'commander'
import { commandGroup, defineCommand, type Paging, paged, pageOf, type Surroundings } from '../command.ts'
import { operate } from '../installation.ts'
import { pageOfTable, table } from '../terminal.ts'
import { assignCommand, unassignCommand } from './role-assignment.ts'

const contract = () => import('@tenantry/control-plane/capabilities/role/contract')

export const roleCommand = (surroundings: Surroundings): Command =>
  commandGroup('role', 'List, create, change and delete the custom roles of a tenant, and give them to members.', [
    listCommand(surroundings),
    createCommand(surroundings),
    updateCommand(surroundings),
    deleteCommand(surroundings),
    assignCommand(surroundings),
    unassignCommand(surroundings),
    scopesCommand(surroundings),
  ])

interface Role {
  id: string
  name: string
  baseRole: string | null
  scopes: readonly string[]
  version: number
}

const holdings = ({ baseRole, scopes }: Role) => [...(baseRole === null ? [] : [`all of ${baseRole}`]), ...scopes]

const told = (role: Role) => {
  const held = holdings(role).join(', ') || 'nothing'
  return { text: `${role.name} (${role.id}), version ${role.version}, holds ${held}.`, data: role }
}

const someRole = '01a1fe4a-e164-70a4-95ad-ed4d6a233a17'

const listCommand = (surroundings: Surroundings): Command =>
  paged(
    defineCommand<Paging>(
      surroundings,
      'list <tenant>',
      {
        description: 'List the custom roles of a tenant, the newest first, and how many members hold each.',
        examples: [['role list acme', 'with their ids, by which they are changed and given']],
      },
      async (options, tenant = '') => {
        const operation = async () => (await contract()).listRoles
        const page = await operate(surroundings, { operation, tenant, input: pageOf(options) }, (caller, checked) =>
          caller.roles.list(checked),
        )
        const rows = page.items.map((role) => [
          role.name,
          holdings(role).join(' '),
          role.inheritable ? 'yes' : 'no',
          String(role.memberCount),
          role.id,
        ])
        return { text: pageOfTable(['name', 'holds', 'inheritable', 'members', 'id'], rows, page), data: page }
      },
    ),
  )

const createCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'create <tenant>',
    {
      description: 'Create a custom role of a tenant, of scopes. The plan says how many there may be.',
      examples: [
        ['role create acme --name Bookkeeper --scopes usage:read members:read', 'of its own scopes'],
        ['role create acme --name Lead --base-role member --scopes members:read --inheritable', 'below it too'],
      ],
    },
    async (input, tenant = '') => {
      const operation = async () => (await contract()).createRole
      return told(
        await operate(surroundings, { operation, tenant, input }, (caller, checked) => caller.roles.create(checked)),
      )
    },
  )
    .requiredOption('--name <name>', 'as people read it')
    .option('--description <text>', 'what it is for')
    .option('--base-role <role>', 'holds all of it too: admin, member or viewer')
    .option('--scopes <scope...>', 'what it may do, of role scopes')
    .option('--inheritable', 'its holders hold it in the tenants below too')

interface Changes {
  name?: string
  /** False where it is to be none. */
  description?: string | false
  baseRole?: string | false
  scopes?: string[]
  inheritable?: boolean
  expectedVersion?: string
}

const updateCommand = (surroundings: Surroundings): Command =>
  defineCommand<Changes>(
    surroundings,
    'update <tenant> <role>',
    {
      description:
        'Change a custom role, named by its id: whoever holds it may do what it holds now within a second. What is not told stays as it is.',
      examples: [
        [`role update acme ${someRole} --scopes usage:read`, 'these and no others'],
        [`role update acme ${someRole} --no-base-role`, 'its own scopes only'],
      ],
    },
    async ({ description, baseRole, expectedVersion, ...changes }, tenant = '', roleId = '') => {
      const operation = async () => (await contract()).updateRole
      const input = {
        ...changes,
        roleId,
        description: description === false ? null : description,
        baseRole: baseRole === false ? null : baseRole,
        expectedVersion: expectedVersion === undefined ? undefined : Number(expectedVersion),
      }
      return told(
        await operate(surroundings, { operation, tenant, input }, (caller, checked) => caller.roles.update(checked)),
      )
    },
  )
    .option('--name <name>', 'as people read it')
    .option('--description <text>', 'what it is for')
    .option('--no-description', 'without one')
    .option('--base-role <role>', 'holds all of it too: admin, member or viewer')
    .option('--no-base-role', 'of its own scopes only')
    .option('--scopes <scope...>', 'what it may do, of role scopes')
    .option('--inheritable', 'its holders hold it in the tenants below too')
    .option('--no-inheritable', 'in this tenant only')
    .option('--expected-version <number>', 'only if nobody changed it since')

const deleteCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reassignTo?: string }>(
    surroundings,
    'delete <tenant> <role>',
    {
      description: 'Delete a custom role, named by its id. One that members hold is deleted only with --reassign-to.',
      examples: [
        [`role delete acme ${someRole}`, 'one that nobody holds'],
        [`role delete acme ${someRole} --reassign-to none`, 'its holders lose it'],
      ],
    },
    async ({ reassignTo }, tenant = '', roleId = '') => {
      const operation = async () => (await contract()).removeRole
      const data = await operate(
        surroundings,
        { operation, tenant, input: { roleId, reassignTo } },
        (caller, checked) => caller.roles.remove(checked),
      )
      const { holderCount: held, reassignedCount } = data
      const holders = held === 1 ? '1 member' : `${held} members`
      const instead = reassignedCount === 0 ? '' : ', and got the other role instead'
      return { text: `Deleted ${data.id}; ${holders} held it${instead}.`, data }
    },
  ).option('--reassign-to <id>', 'the role that its holders get instead; none: they lose it')

const scopesCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'scopes <tenant>',
    {
      description:
        'List every scope: what it lets its holder do, which base roles hold it, and whether the plan of the tenant lets it count.',
      examples: [['role scopes acme', 'what a role can be made of']],
    },
    async (_, tenant = '') => {
      const operation = async () => (await contract()).listScopes
      const data = await operate(surroundings, { operation, tenant, input: {} }, (caller, checked) =>
        caller.roles.scopes(checked),
      )
      const rows = data.items.map(({ scope, baseRoles, available, description }) => [
        scope,
        baseRoles.join(' '),
        available ? 'yes' : 'no',
        description,
      ])
      return { text: table(['scope', 'base roles', 'counts', 'lets'], rows), data }
    },
  )
