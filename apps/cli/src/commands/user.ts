import type { InternalCaller } from '@tenantry/control-plane/caller'
import type { Command } from 'commander'
import { commandGroup, defineCommand, type Surroundings } from '../command.ts'
import { withInstallation } from '../installation.ts'
import { idOf } from '../named-user.ts'
import { table } from '../terminal.ts'

export const userCommand = (surroundings: Surroundings): Command =>
  commandGroup(
    'user',
    'List, deactivate, export and erase users.',
    [listCommand, deactivateCommand, reactivateCommand, exportCommand, eraseCommand].map((verb) => verb(surroundings)),
  )

type Users = InternalCaller['users']

const withUsers = <Result>(
  { environment }: Pick<Surroundings, 'environment'>,
  work: (users: Users) => Promise<Result>,
): Promise<Result> =>
  withInstallation(environment, async (parts) => {
    const { callerIn } = await import('../open-installation.ts')
    return work(callerIn(parts).users)
  })

interface ListOptions {
  q?: string
  state?: 'active' | 'deactivated' | 'erased'
  limit?: string
  cursor?: string
}

const listCommand = (surroundings: Surroundings): Command =>
  defineCommand<ListOptions>(
    surroundings,
    'list',
    {
      description: 'List users, the newest first.',
      examples: [
        ['user list --q ada', 'whose name or address begins so'],
        ['user list --state deactivated', 'who is locked out'],
      ],
    },
    async ({ q, state, limit, cursor }) => {
      const input = { q, state, cursor, limit: limit === undefined ? undefined : Number(limit) }
      const page = await withUsers(surroundings, (users) => users.list(input))
      const rows = page.items.map(({ email, name, state, lastSeenAt, id }) => [
        email,
        name ?? '',
        state,
        lastSeenAt ?? 'never',
        id,
      ])
      const more = page.nextCursor === null ? '' : `\n\nMore: --cursor ${page.nextCursor}`
      return { text: `${table(['email', 'name', 'state', 'last seen', 'id'], rows)}${more}`, data: page }
    },
  )
    .option('--q <text>', 'what name or address begins with')
    .option('--state <state>', 'active, deactivated or erased; without it, all but who was erased')
    .option('--limit <number>', 'as many at the most, 1 to 200')
    .option('--cursor <cursor>', 'go on after a page')

const told = (user: Awaited<ReturnType<Users['reactivate']>>) => ({
  text: `${user.email} is ${user.state}.`,
  data: user,
})

function toldWithout(user: Awaited<ReturnType<Users['deactivate']>>) {
  const { text, data } = { ...told(user), data: user }
  if (user.soleOwnerOf.length === 0) return { text, data }
  return {
    text: `${text}\nNobody else owns ${user.soleOwnerOf.join(', ')}: member transfer-ownership gives another owner.`,
    data,
  }
}

const reasonOption = ['--reason <text>', "why; it stands in the platform's log"] as const

const deactivateCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reason: string }>(
    surroundings,
    'deactivate <user>',
    {
      description:
        'Deactivate a user, named by id or address: within a second their tokens are refused, and the API keys that they made.',
      examples: [['user deactivate ada@acme.test --reason "Laptop stolen"', 'until they are reactivated']],
    },
    async ({ reason }, named = '') =>
      toldWithout(
        await withUsers(surroundings, async (users) => users.deactivate({ userId: await idOf(users, named), reason })),
      ),
  ).requiredOption(...reasonOption)

const reactivateCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reason: string }>(
    surroundings,
    'reactivate <user>',
    {
      description: 'Reactivate a user: they may do what they might before.',
      examples: [['user reactivate ada@acme.test --reason "Password changed"', 'at once']],
    },
    async ({ reason }, named = '') =>
      told(
        await withUsers(surroundings, async (users) => users.reactivate({ userId: await idOf(users, named), reason })),
      ),
  ).requiredOption(...reasonOption)

const exportCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'export <user>',
    {
      description: 'Export what is kept about a user in all tenants, as one JSON document.',
      examples: [['user export ada@acme.test > ada.json', 'to be handed to them']],
    },
    async (_, named = '') => {
      const data = await withUsers(surroundings, async (users) => {
        const userId = await idOf(users, named)
        const items: Awaited<ReturnType<Users['export']>>['items'] = []
        let cursor: string | undefined
        do {
          const page = await users.export({ userId, limit: 200, cursor })
          items.push(...page.items)
          cursor = page.nextCursor ?? undefined
        } while (cursor !== undefined)
        return { userId, items }
      })
      return { text: JSON.stringify(data, null, 2), data }
    },
  )

const eraseCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ reason?: string }>(
    surroundings,
    'erase <user>',
    {
      description:
        'Erase a user in all tenants: their memberships end, and name and addresses give way to a pseudonym. It cannot be undone; export first what is to be kept.',
      examples: [['user erase ada@acme.test --reason "Asked for by letter"', 'counts what was rewritten or removed']],
    },
    async ({ reason }, named = '') => {
      const data = await withUsers(surroundings, async (users) =>
        users.erase({ userId: await idOf(users, named), reason }),
      )
      const rows = data.tables.map(({ table: name, rows }) => [name, String(rows)])
      const contact = data.contactOf.length === 0 ? '' : `\n\nStill their contact address: ${data.contactOf.join(', ')}`
      return { text: `${data.userId} is erased.\n\n${table(['table', 'rows'], rows)}${contact}`, data }
    },
  ).option(...reasonOption)
