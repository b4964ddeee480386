import { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
import { callerIn, withInstallation } from '../installation.ts'
import { table } from '../terminal.ts'
import { createCommand } from './tenant-create.ts'
import { deleteCommand, purgeCommand, reactivateCommand, restoreCommand, suspendCommand } from './tenant-lifecycle.ts'

export function tenantCommand(surroundings: Surroundings): Command {
  const command = new Command('tenant').description('Create, list, suspend, delete, restore and purge tenants.')
  const verbs = [
    createCommand,
    listCommand,
    suspendCommand,
    reactivateCommand,
    deleteCommand,
    restoreCommand,
    purgeCommand,
  ]
  for (const verb of verbs) command.addCommand(verb(surroundings))
  return command
}

interface ListOptions {
  status?: 'provisioning' | 'active' | 'suspended' | 'deleting'
  plan?: string
  parentId?: string
  tag?: string
  q?: string
  cursor?: string
  limit?: string
}

const listCommand = (surroundings: Surroundings): Command =>
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
    async ({ status, plan, parentId, tag, q, cursor, limit }) => {
      const input = {
        status,
        plan,
        parentId,
        tag,
        q,
        cursor,
        limit: limit === undefined ? undefined : Number(limit),
      }
      const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
      const page = await withInstallation(surroundings.environment, (parts) => callerIn(parts).tenants.list(given))
      const rows = page.items.map(({ slug, name, status, plan, createdAt, id }) => [
        slug,
        name,
        status,
        plan,
        createdAt,
        id,
      ])
      const more = page.nextCursor === null ? '' : `\n\nMore: --cursor ${page.nextCursor}`
      return { text: `${table(['slug', 'name', 'status', 'plan', 'created', 'id'], rows)}${more}`, data: page }
    },
  )
    .option('--status <status>', 'provisioning, active, suspended or deleting')
    .option('--plan <plan>', 'only of this plan')
    .option('--parent-id <id>', 'only directly below this tenant')
    .option('--tag <tag>', 'only with this tag')
    .option('--q <text>', 'what name, slug, contact or externalId begins with')
    .option('--limit <number>', 'as many at the most, 1 to 200')
    .option('--cursor <cursor>', 'go on after a page')
