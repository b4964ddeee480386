import type { Actor } from '../../context/actor.ts'
import type { TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { requestErrors, tenantSelectionErrors } from '../../contract/errors.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { recordDenial } from '../denial.ts'
import { t } from '../init.ts'
import { authorize } from './authorization.ts'
import { drawRefusedSelection } from './rate-limit.ts'
import { refuseInactive } from './tenant.ts'

/** The input of an operation that works in a second tenant names it so. */
export interface NamesSecondTenant {
  toTenantId: string
}

/** The second tenant that a request names, before its input is read; null where it names none. */
export async function findSecondTenantId(
  { dependencies }: RequestContext,
  { input }: AnyOperation,
  rawInput: unknown,
): Promise<string | null> {
  const { toTenantId } = (rawInput ?? {}) as Partial<Record<keyof NamesSecondTenant, unknown>>
  if (!('toTenantId' in input.shape) || typeof toTenantId !== 'string') return null
  return dependencies.directory.findTenantId(toTenantId)
}

/** Lets in where the caller may do in the second tenant what the operation needs in the first. */
export const secondTenant = t.middleware(async ({ ctx, meta, input, next, path }) => {
  const operation = meta?.operation
  if (!operation) throw new Error(`${path} declares no operation`)
  const { actor, access } = ctx as RequestContext & { actor: Actor; access: TenantAccess }
  const { toTenantId: reference } = input as NamesSecondTenant
  const { directory } = ctx.dependencies
  const second = await directory.findAccess(actor, reference)
  if (!second) {
    const tenantIds = async () => [access.tenant.id, await directory.findTenantId(reference)]
    await drawRefusedSelection(ctx, { actor, operation: path, reference, tenantIds })
    await recordDenial(ctx, { actor, code: 'tenant.not_found', operation: path, tenantIds })
    throw tenantSelectionErrors.not_found({
      issues: [{ path: 'toTenantId', message: 'There is no such tenant, or you are not a member of it.' }],
    })
  }
  refuseInactive(operation, actor, second)
  authorize(operation, actor, second)
  if (second.tenant.id === access.tenant.id)
    throw requestErrors.invalid({ issues: [{ path: 'toTenantId', message: 'Expected another tenant.' }] })
  return next({ ctx: { second } })
})
