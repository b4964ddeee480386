import { defineErrors, serviceErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { id, text, timestamp } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const blockErrors = defineErrors('block', {
  not_found: { kind: 'not_found', message: 'There is no such block; it may have ended.' },
})

const blockId = z
  .string()
  .regex(/^(limits|probing):(user|apiKey):[0-9a-f-]{36}$/, 'Expected the id of a block.')
  .describe('Why and whom: `probing:user:` and an id')

export const listBlocks = defineOperation({
  unitOfWork: 'platform',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/platform/blocks',
    summary: 'List the people and API keys that are blocked',
    description:
      'For as long as they are. `limits`: they asked on and on while they were told to wait. `probing`: they named many tenants that are not theirs. Each block of one is twice as long as the one before, up to an hour.',
    tags: ['Platform'],
  },
  input: z.object({}),
  output: z.object({
    blocks: z.array(
      z.object({
        id: blockId,
        reason: z.enum(['limits', 'probing']),
        principal: z.object({ type: z.enum(['user', 'apiKey']), id: id('person or key') }),
        since: timestamp(),
        until: timestamp(),
      }),
    ),
  }),
})

export const liftBlock = defineOperation({
  unitOfWork: 'platform',
  type: 'mutation',
  permission: null,
  audit: 'platform.block_lifted',
  // Lifting twice is lifting once.
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/platform/blocks/{blockId}/lift',
    summary: 'Lift a block',
    description: 'At once, and what led to it is forgiven: the next one is a first one.',
    tags: ['Platform'],
  },
  input: z.object({ blockId, reason: text(1, 500).describe('Kept in the audit log') }),
  output: z.object({ id: blockId, liftedAt: timestamp() }),
  errors: [blockErrors.not_found, serviceErrors.overloaded],
})
