import { defineOperation } from '@tenantry/kernel/contract/operation'
import { operationMeta, router, t } from '@tenantry/kernel/trpc/init'
import pg from 'pg'
import { z } from 'zod'
import { readConfig } from '../installation.ts'
import { serveBare } from './bare-server.ts'

/** The ceiling: a procedure that reads one row, as a role that no policy holds for. */
const operation = defineOperation({
  unitOfWork: 'none',
  type: 'query',
  permission: null,
  rest: { method: 'GET', path: '/tenant', summary: 'One row', tags: ['Plain'] },
  input: z.object({}),
  output: z.object({ id: z.string(), name: z.string(), slug: z.string(), status: z.string(), plan: z.string() }),
})

const { DATABASE_POOL_SIZE } = readConfig({})
const pool = new pg.Pool({ connectionString: process.env.SUPERUSER_URL, max: DATABASE_POOL_SIZE })
const query = 'select id, name, slug, status, plan from tenantry.tenants where slug = $1'

serveBare(
  router({
    tenant: t.procedure
      .meta(operationMeta(operation))
      .input(z.prefault(operation.input, {}))
      .output(operation.output)
      .query(async () => (await pool.query(query, ['acme'])).rows[0]),
  }),
)
