import { type Actor, isOperator } from '../../context/actor.ts'
import type { KeyIdentity, TenantAccess } from '../../context/dependencies.ts'
import type { RequestContext } from '../../context/request-context.ts'
import { tenantSelectionErrors } from '../../contract/errors.ts'
import type { AnyOperation } from '../../contract/operation.ts'
import { inactivityOf } from '../../tenancy/inactivity.ts'
import { recordDenial } from '../denial.ts'
import type { Caller } from './authentication.ts'
import { drawRefusedSelection } from './rate-limit.ts'

/** No id, slug or externalId is longer. */
const longestReference = 128

/** Finds the one tenant a request is about, and refuses those that are not active unless the operation answers for them. */
export async function selectTenant(
  ctx: RequestContext,
  caller: Caller,
  { operation, path, rawInput }: { operation: AnyOperation; path: string; rawInput: unknown },
): Promise<TenantAccess> {
  const access = await resolveTenant(ctx, caller, namedInPath(rawInput, ctx), path)
  refuseInactive(operation, caller.actor, access)
  return access
}

export function refuseInactive({ allowInactive }: AnyOperation, actor: Actor, { tenant }: TenantAccess): void {
  if (allowInactive === true || (allowInactive === 'operators' && isOperator(actor))) return
  const refusal = inactivityOf(tenant)
  if (refusal) throw refusal
}

function namedInPath(rawInput: unknown, { tenantHints }: RequestContext): string | undefined {
  const named = (rawInput as { tenantId?: unknown } | null | undefined)?.tenantId ?? tenantHints.path
  return typeof named === 'string' && named !== '' && named !== 'current' ? named : undefined
}

async function resolveTenant(
  ctx: RequestContext,
  caller: Caller,
  named: string | undefined,
  operation: string,
): Promise<TenantAccess> {
  const { directory } = ctx.dependencies
  const explicit = [named, ctx.tenantHints.header, ctx.tenantHints.subdomain].filter((ref) => ref !== undefined)
  const references = [...new Set(explicit)]
  const { actor, key } = caller
  if (actor.type === 'apiKey') return tenantOfKey(ctx, { actor, key }, { references, operation })
  if (references.length === 0) references.push(await fallback(ctx, caller))

  const found: TenantAccess[] = []
  for (const reference of references) {
    const access = reference.length <= longestReference ? await directory.findAccess(actor, reference) : null
    if (!access || (reference === ctx.tenantHints.subdomain && reference !== access.tenant.slug)) {
      const tenantIds = async () => [await directory.findTenantId(reference)]
      await drawRefusedSelection(ctx, { actor, operation, reference, tenantIds })
      await recordDenial(ctx, { actor, code: 'tenant.not_found', operation, tenantIds })
      throw tenantSelectionErrors.not_found({}, ambiguity(references))
    }
    found.push(access)
  }
  const [first, ...others] = found
  if (!first) throw tenantSelectionErrors.not_selected()
  if (others.every((other) => other.tenant.id === first.tenant.id)) return first
  const tenantIds = async () => [first.tenant.id]
  await drawRefusedSelection(ctx, { actor, operation, reference: null, tenantIds })
  throw tenantSelectionErrors.mismatch()
}

/** A key has one tenant: where another is named, nothing is looked up, so that no key can tell which others there are. */
async function tenantOfKey(
  ctx: RequestContext,
  { actor, key }: { actor: KeyIdentity['actor']; key: KeyIdentity | null },
  { references, operation }: { references: readonly string[]; operation: string },
): Promise<TenantAccess> {
  const { dependencies, tenantHints } = ctx
  const { subdomain } = tenantHints
  const access = key?.access ?? (await dependencies.directory.findAccess(actor, actor.tenantId))
  if (!access) throw tenantSelectionErrors.not_found()
  const { id, slug } = access.tenant
  const names = key?.tenantNames ?? [id, slug]
  const isOwn = (reference: string) => names.includes(reference) || reference.toLowerCase() === id
  if (references.every(isOwn) && (subdomain === undefined || subdomain === slug)) return access
  const reference = [...references, ...(subdomain === undefined ? [] : [subdomain])].join(' ')
  await drawRefusedSelection(ctx, { actor, operation, reference, tenantIds: async () => [id] })
  throw tenantSelectionErrors.mismatch({}, 'This API key is of another tenant than the request names.')
}

const conjunction = new Intl.ListFormat('en')

/** Repeats what the caller sent and no more: which of them exist is not for everybody. */
function ambiguity(references: string[]): string | undefined {
  if (references.length === 1 || references.some(({ length }) => length > longestReference)) return undefined
  const named = conjunction.format(references.map((reference) => JSON.stringify(reference)))
  return `The request names ${named}: one is no tenant, or you are not a member of it.`
}

/** The claim, then the only membership; neither is ever compared with what a request names. */
async function fallback(ctx: RequestContext, { actor, identity }: Caller): Promise<string> {
  if (identity?.tenantClaim) return identity.tenantClaim
  const own = await ctx.dependencies.directory.ownTenantIds(actor)
  if (own.length === 1 && own[0] !== undefined) return own[0]
  throw tenantSelectionErrors.not_selected()
}
