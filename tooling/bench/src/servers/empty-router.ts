import { defineOperation } from '@tenantry/kernel/contract/operation'
import { operationMeta, router, t } from '@tenantry/kernel/trpc/init'
import { z } from 'zod'

/** The ceiling: a procedure that does nothing. */
const operation = defineOperation({
  unitOfWork: 'none',
  type: 'query',
  permission: null,
  rest: { method: 'GET', path: '/empty', summary: 'Nothing', tags: ['Empty'] },
  input: z.object({}),
  output: z.object({}),
})

export const emptyRouter = router({
  empty: t.procedure
    .meta(operationMeta(operation))
    .input(z.prefault(operation.input, {}))
    .output(operation.output)
    .query(() => ({})),
})
