import type { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
import { operate } from '../installation.ts'

const contract = () => import('@tenantry/control-plane/capabilities/role/contract')
const ids = 'ada@people.test 01a1fe4b-0c2e-7b1d-8f5e-3c1f6f5d2a90'

export const assignCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'assign <tenant> <user> <role>',
    {
      description: 'Give a member of a tenant a custom role, named by its id: it counts within a second.',
      examples: [[`role assign acme ${ids}`, 'the id is that of role list']],
    },
    async (_, tenant = '', user = '', roleId = '') => {
      const operation = async () => (await contract()).addUserRole
      const data = await operate(surroundings, { operation, tenant, user, input: { roleId } }, (caller, checked) =>
        caller.userRoles.add(checked),
      )
      return { text: `${data.userId} holds ${data.name}.`, data }
    },
  )

export const unassignCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'unassign <tenant> <user> <role>',
    {
      description: 'Take a custom role from a member of a tenant, the role named by its id.',
      examples: [[`role unassign acme ${ids}`, 'the id is that of role list']],
    },
    async (_, tenant = '', user = '', roleId = '') => {
      const operation = async () => (await contract()).removeUserRole
      const data = await operate(surroundings, { operation, tenant, user, input: { roleId } }, (caller, checked) =>
        caller.userRoles.remove(checked),
      )
      return { text: `${data.userId} holds ${data.name} no longer.`, data }
    },
  )
