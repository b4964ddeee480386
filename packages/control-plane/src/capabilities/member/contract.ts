import { defineOperation } from '@tenantry/kernel/contract/operation'
import { id } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

const baseRole = z.enum(['owner', 'admin', 'member', 'viewer'])

export const getMe = defineOperation({
  unitOfWork: 'user',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/me',
    summary: 'Show who you are and which tenants you reach',
    description:
      'Memberships of your own, and those that an inheritable role on an ancestor gives you (`inheritedFrom`), with what they let you do. Each scope stands once, with the first role that gives it; what the plan of the tenant does not let count is left out.',
    tags: ['Me'],
  },
  input: z.object({}),
  output: z.object({
    user: z.object({
      id: id('user'),
      email: z.string().nullable(),
      name: z.string().nullable(),
      platformAdmin: z.boolean(),
    }),
    memberships: z.array(
      z.object({
        tenantId: id('tenant'),
        slug: z.string(),
        name: z.string(),
        status: z.string(),
        role: baseRole.nullable().describe('Null where only a custom role of a tenant above reaches it'),
        inheritedFrom: id('tenant').nullable(),
        roles: z.array(
          z.object({
            id: id('role').nullable().describe('Null for a base role'),
            name: z.string(),
            inheritedFrom: id('tenant').nullable(),
            scopes: z.array(z.string()),
          }),
        ),
      }),
    ),
  }),
})
