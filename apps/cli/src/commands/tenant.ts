import type { Command } from 'commander'
import { commandGroup, defineCommand, type Paging, paged, pageOf, type Surroundings } from '../command.ts'
import { operate } from '../installation.ts'
import { pageOfTable } from '../terminal.ts'
import { createCommand } from './tenant-create.ts'
import { deleteCommand, purgeCommand, reactivateCommand, restoreCommand, suspendCommand } from './tenant-lifecycle.ts'

const verbs = [
  createCommand,
  (surroundings: Surroundings) => listCommand(surroundings),
  suspendCommand,
  reactivateCommand,
  deleteCommand,
  restoreCommand,
  purgeCommand,
]

export const tenantCommand = (surroundings: Surroundings): Command =>
  commandGroup(
    'tenant',
    'Create, list, suspend, delete, restore and purge tenants.',
    verbs.map((verb) => verb(surroundings)),
  )

interface ListOptions extends Paging {
  status?: string
  plan?: string
  parentId?: string
  tag?: string
  q?: string
}

const listCommand = (surroundings: Surroundings): Command =>
  paged(
    defineCommand<ListOptions>(
      surroundings,
      'list',
      {
        description: 'List tenants, the newest first.',
        examples: [
          ['tenant list --status suspended', 'who is suspended'],
          ['tenant list --q acme --limit 5', 'whose name, slug, contact or externalId begins so'],
        ],
      },
      async (options) => {
        const operation = async () => (await import('@tenantry/control-plane/capabilities/tenant/contract')).listTenants
        const page = await operate(
          surroundings,
          { operation, input: { ...options, ...pageOf(options) } },
          (caller, checked) => caller.tenants.list(checked),
        )
        const rows = page.items.map(({ slug, name, status, plan, createdAt, id }) => [
          slug,
          name,
          status,
          plan,
          createdAt,
          id,
        ])
        return { text: pageOfTable(['slug', 'name', 'status', 'plan', 'created', 'id'], rows, page), data: page }
      },
    )
      .option('--status <status>', 'provisioning, active, suspended or deleting')
      .option('--plan <plan>', 'only of this plan')
      .option('--parent-id <id>', 'only directly below this tenant')
      .option('--tag <tag>', 'only with this tag')
      .option('--q <text>', 'what name, slug, contact or externalId begins with'),
  )
