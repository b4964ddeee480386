import { defineErrors } from '@tenantry/kernel/contract/errors'
import { defineOperation } from '@tenantry/kernel/contract/operation'
import { integer } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const catalogueErrors = defineErrors('catalogue', {
  invalid: { kind: 'unprocessable', message: 'The plan catalogue cannot be used. The one before stays in force.' },
  in_use: { kind: 'conflict', message: 'Tenants use what the new plan catalogue leaves out or counts otherwise.' },
})

const names = z.array(z.string())
const changed = z.array(z.object({ name: z.string(), fields: names.describe('What of it is another now') }))

export const reloadCatalogue = defineOperation({
  unitOfWork: 'platform',
  type: 'mutation',
  permission: null,
  audit: 'catalogue.reloaded',
  idempotency: 'none',
  rest: {
    method: 'POST',
    path: '/platform/catalogue/reload',
    summary: 'Read the plan catalogue again',
    description:
      'Of this process from its own file, checked wholly before it takes effect: at once here, and in every other process whose file says the same. A faulty one changes nothing, nor one without a plan or meter that is in use or with another way to count its periods. For platform admins.',
    tags: ['Platform'],
    successStatus: 200,
  },
  input: z.object({
    dryRun: z.boolean().default(false).describe('Whether it is only to be checked and compared'),
  }),
  output: z.object({
    applied: z.boolean().describe('false: a dry run, or nothing to change'),
    plans: z.object({ added: names, removed: names, changed }),
    meters: z.object({ added: names, removed: names, changed }),
    limits: z
      .array(
        z.object({
          plan: z.string(),
          meter: z.string(),
          before: integer(0).nullable(),
          after: integer(0).nullable().describe('Null is unlimited'),
        }),
      )
      .describe('Of plans and meters that stay'),
    features: z.object({ added: names, removed: names }),
    planFeatures: z.array(z.object({ plan: z.string(), added: names, removed: names })).describe('Of plans that stay'),
    scopes: z.object({ added: names, removed: names, changed }),
    order: z.boolean().describe('Whether the plans that stay come in another order'),
  }),
  errors: [catalogueErrors.invalid, catalogueErrors.in_use],
})
