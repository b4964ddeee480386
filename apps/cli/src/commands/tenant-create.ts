import type { Command } from 'commander'
import { defineCommand, type Surroundings } from '../command.ts'
import { operate } from '../installation.ts'

export const createCommand = (surroundings: Surroundings): Command =>
  defineCommand<{ idempotencyKey?: string }>(
    surroundings,
    'create',
    {
      description:
        'Create a tenant with its owner, settings and limits. One that was cut short goes on by itself, or at once when it is asked for again with the same idempotency key.',
      examples: [
        ['tenant create --name "Acme GmbH" --owner-email owner@acme.example', 'the slug follows from the name'],
        [
          'tenant create --name Acme --owner-email owner@acme.example --plan starter --create-api-key',
          'with an API key, shown once',
        ],
      ],
    },
    async ({ idempotencyKey, ...input }) => {
      const operation = async () =>
        (await import('@tenantry/control-plane/capabilities/onboarding/contract')).createTenant
      const data = await operate(surroundings, { operation, input, idempotencyKey }, (caller, checked) =>
        caller.tenants.create(checked),
      )
      const created = `${data.slug} (${data.id}) is ${data.status}, owned by ${data.owner.email}.`
      const key = data.apiKey && `Its API key, which is not shown again: ${data.apiKey.key}`
      return { text: [created, ...(key ? [key] : [])].join('\n'), data }
    },
  )
    .requiredOption('--name <name>', 'as people read it')
    .option('--slug <slug>', 'derived from the name unless told')
    .requiredOption('--owner-email <email>', 'becomes owner: at once, or with the first sign-in under this address')
    .option('--contact-email <email>', 'that of the owner unless told')
    .option('--plan <plan>', 'the lowest unless told')
    .option('--parent-id <id>', 'stands below this tenant')
    .option('--external-id <id>', 'what your own systems call it')
    .option('--timezone <zone>', 'such as Europe/Berlin')
    .option('--region <region>', 'one that this installation serves')
    .option('--tags <tag...>', 'to find it by')
    .option('--create-api-key', 'make an API key that may do what a member may')
    .option('--idempotency-key <key>', 'with the same one it is created once, however often this is run')
