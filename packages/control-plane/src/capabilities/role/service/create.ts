import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { requireRoom } from '../../metering/index.ts'
import type { createRole as createOperation } from '../contract.ts'
import { makeRole, saveRole } from '../repository.ts'
import { refuseComposing, refuseUnknown } from './composition.ts'
import { composed, describe, forgetCount } from './describe.ts'
import { beginChange } from './standing.ts'

type Input = Omit<z.output<typeof createOperation.input>, 'tenantId'>

/** Throws `auth.permission_denied`, `request.invalid`, `role.name_taken`, or `usage.limit_exceeded`. */
export async function create(ctx: TenantContext, { name, description, baseRole, inheritable, ...input }: Input) {
  const scopes = [...new Set(input.scopes)]
  refuseUnknown(scopes, ctx.services.scopes)
  refuseComposing(ctx, await beginChange(ctx, 'roles:manage'), { baseRole, scopes, inheritable })
  await requireRoom(ctx, 'custom_roles')

  const fields = { name, description, baseRole, scopes, inheritable }
  const role = makeRole(ctx.em, { ...fields, createdAt: ctx.clock.now() })
  await saveRole(ctx.em, role)
  ctx.record('role.created', {
    target: { type: 'role', id: role.id },
    changes: Object.fromEntries(composed.map((field) => [field, { before: null, after: fields[field] }])),
  })
  forgetCount(ctx)
  return describe(role)
}
