import { defineOperation } from '@tenantry/kernel/contract/operation'
import { id } from '@tenantry/kernel/contract/wire'
import { z } from 'zod'

export const getMe = defineOperation({
  unitOfWork: 'user',
  type: 'query',
  permission: null,
  rest: {
    method: 'GET',
    path: '/me',
    summary: 'Show who you are and which tenants you reach',
    description:
      'Memberships of your own, and those that an inheritable role on an ancestor gives you (`inheritedFrom`).',
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
        role: z.enum(['owner', 'admin', 'member', 'viewer']),
        inheritedFrom: id('tenant').nullable(),
      }),
    ),
  }),
})
