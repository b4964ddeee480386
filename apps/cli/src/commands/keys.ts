import type { Command } from 'commander'
import { commandGroup, defineCommand, type Paging, paged, pageOf, type Surroundings } from '../command.ts'
import { operate } from '../installation.ts'
import { pageOfTable } from '../terminal.ts'

const contract = () => import('@tenantry/control-plane/capabilities/api-key/contract')

export const keysCommand = (surroundings: Surroundings): Command =>
  commandGroup('keys', 'Create, list and revoke API keys of a tenant.', [
    createCommand(surroundings),
    listCommand(surroundings),
    revokeCommand(surroundings),
  ])

interface CreateOptions {
  name: string
  scopes: string[]
  expiresAt?: string
  ipAllowlist?: string[]
}

const createCommand = (surroundings: Surroundings): Command =>
  defineCommand<CreateOptions>(
    surroundings,
    'create <tenant>',
    {
      description:
        'Create an API key of a tenant, named by slug, id or externalId. It is shown here, once. It is the tenant’s own and may do what its scopes say, until it expires or is revoked.',
      examples: [
        ['keys create acme --name Scheduler --scopes usage:read usage:write', 'a key that reports usage'],
        ['keys create acme --name CI --scopes tenant:read --expires-at 2027-01-01T00:00:00Z', 'until then'],
      ],
    },
    async (input, tenant = '') => {
      const operation = async () => (await contract()).createApiKey
      const data = await operate(surroundings, { operation, tenant, input }, (caller, checked) =>
        caller.apiKeys.create(checked),
      )
      return { text: `${data.key}\n\n${data.name} (${data.id}). Send it as X-API-Key; it is not shown again.`, data }
    },
  )
    .requiredOption('--name <name>', 'what it is for')
    .requiredOption('--scopes <scope...>', 'what it may do, such as usage:write')
    .option('--expires-at <time>', 'when it ends, in ISO 8601; without it, never')
    .option('--ip-allowlist <range...>', 'addresses and CIDRs it may be used from; without it, any')

const listCommand = (surroundings: Surroundings): Command =>
  paged(
    defineCommand<Paging>(
      surroundings,
      'list <tenant>',
      {
        description: 'List the API keys of a tenant, the newest first, without their secrets.',
        examples: [['keys list acme', 'with their ids, by which they are revoked']],
      },
      async (paging, tenant = '') => {
        const operation = async () => (await contract()).listApiKeys
        const page = await operate(surroundings, { operation, tenant, input: pageOf(paging) }, (caller, checked) =>
          caller.apiKeys.list(checked),
        )
        const rows = page.items.map(({ id, name, scopes, expiresAt, lastUsedAt }) => [
          id,
          name,
          scopes.join(' '),
          expiresAt ?? 'never',
          lastUsedAt ?? 'never',
        ])
        return { text: pageOfTable(['id', 'name', 'scopes', 'expires', 'last used'], rows, page), data: page }
      },
    ),
  )

const revokeCommand = (surroundings: Surroundings): Command =>
  defineCommand(
    surroundings,
    'revoke <tenant> <key>',
    {
      description: 'Revoke an API key, named by its id: within a second it works nowhere any more.',
      examples: [['keys revoke acme 01a1fe4a-e164-70a4-95ad-ed4d6a233a17', 'the id is that of keys list']],
    },
    async (_, tenant = '', apiKeyId = '') => {
      const operation = async () => (await contract()).removeApiKey
      const data = await operate(surroundings, { operation, tenant, input: { apiKeyId } }, (caller, checked) =>
        caller.apiKeys.remove(checked),
      )
      return { text: `Revoked ${data.id}.`, data }
    },
  )
