import { defineOperation } from '@tenantry/kernel/contract/operation'
import { operationMeta, router, t } from '@tenantry/kernel/trpc/init'
import { z } from 'zod'
import { serveBare } from './bare-server.ts'

/** The ceiling: a procedure that does nothing. */
const operation = defineOperation({
  unitOfWork: 'none',
  type: 'query',
  permission: null,
  rest: { method: 'GET', path: '/empty', summary: 'Nothing', tags: ['Empty'] },
  input: z.object({}),
  output: z.object({}),
})

serveBare(
  router({
    empty: t.procedure
      .meta(operationMeta(operation))
      .input(z.prefault(operation.input, {}))
      .output(operation.output)
      .query(() => ({})),
  }),
)
