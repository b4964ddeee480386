import { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
import { callerIn, withInstallation } from '../installation.ts'
import { table } from '../terminal.ts'

export const keysCommand = (surroundings: Surroundings): Command =>
  new Command('keys')
    .description('Create, list and revoke API keys of a tenant.')
    .addCommand(createCommand(surroundings))
    .addCommand(listCommand(surroundings))
    .addCommand(revokeCommand(surroundings))

interface CreateOptions {
  name: string
  scopes: string[]
  expiresAt?: string
  ipAllowlist?: string[]
}

const createCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand<CreateOptions>(
    { environment, ...surroundings },
    'create <tenant>',
    {
      description:
        'Create an API key of a tenant, named by slug, id or externalId. It is shown here, once. It is the tenant’s own and may do what its scopes say, until it expires or is revoked.',
      examples: [
        ['keys create acme --name Scheduler --scopes usage:read usage:write', 'a key that reports usage'],
        ['keys create acme --name CI --scopes tenant:read --expires-at 2027-01-01T00:00:00Z', 'until then'],
      ],
    },
    async ({ name, scopes, expiresAt, ipAllowlist }, tenant = '') => {
      const data = await withInstallation(environment, (parts) =>
        callerIn(parts, tenant).apiKeys.create({ tenantId: 'current', name, scopes, expiresAt, ipAllowlist }),
      )
      return { text: `${data.key}\n\n${data.name} (${data.id}). Send it as X-API-Key; it is not shown again.`, data }
    },
  )
    .requiredOption('--name <name>', 'what it is for')
    .requiredOption('--scopes <scope...>', 'what it may do, such as usage:write')
    .option('--expires-at <time>', 'when it ends, in ISO 8601; without it, never')
    .option('--ip-allowlist <range...>', 'addresses and CIDRs it may be used from; without it, any')

const listCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand<{ limit?: string; cursor?: string }>(
    { environment, ...surroundings },
    'list <tenant>',
    {
      description: 'List the API keys of a tenant, the newest first, without their secrets.',
      examples: [['keys list acme', 'with their ids, by which they are revoked']],
    },
    async ({ limit, cursor }, tenant = '') => {
      const input = { tenantId: 'current', cursor, limit: limit === undefined ? undefined : Number(limit) }
      const page = await withInstallation(environment, (parts) => callerIn(parts, tenant).apiKeys.list(input))
      const rows = page.items.map(({ id, name, scopes, expiresAt, lastUsedAt }) => [
        id,
        name,
        scopes.join(' '),
        expiresAt ?? 'never',
        lastUsedAt ?? 'never',
      ])
      const more = page.nextCursor === null ? '' : `\n\nMore: --cursor ${page.nextCursor}`
      return { text: `${table(['id', 'name', 'scopes', 'expires', 'last used'], rows)}${more}`, data: page }
    },
  )
    .option('--limit <number>', 'as many at the most, 1 to 200')
    .option('--cursor <cursor>', 'go on after a page')

const revokeCommand = ({ environment, ...surroundings }: Surroundings): Command =>
  defineCommand(
    { environment, ...surroundings },
    'revoke <tenant> <key>',
    {
      description: 'Revoke an API key, named by its id: within a second it works nowhere any more.',
      examples: [['keys revoke acme 01a1fe4a-e164-70a4-95ad-ed4d6a233a17', 'the id is that of keys list']],
    },
    async (_, tenant = '', apiKeyId = '') => {
      const data = await withInstallation(environment, (parts) =>
        callerIn(parts, tenant).apiKeys.remove({ tenantId: 'current', apiKeyId }),
      )
      return { text: `Revoked ${data.id}.`, data }
    },
  )
