import type { CachedTenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors, requestErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { missingScope } from '@tenantry/kernel/errors/missing-scope'
import { toProblem } from '@tenantry/kernel/errors/problem'
import { effectiveStatusOf, inactivityOf } from '@tenantry/kernel/tenancy/inactivity'
import type { z } from 'zod'
import { isBaseRole } from '../../access/index.ts'
import { limitErrors } from '../../limit/index.ts'
import { featuresOf, planErrors, planNamed } from '../../plan/index.ts'
import { getStanding } from '../../usage/index.ts'
import type { checkAccess as checkOperation } from '../contract.ts'
import { explainPath } from './explain-path.ts'
import { principalOf } from './principal.ts'

type Question = z.output<typeof checkOperation.input>
type Answer = z.output<typeof checkOperation.output>
type Standing = Awaited<ReturnType<typeof getStanding>>

/** Answers from memory where that is warm. Throws `usage.unknown_meter`, or `request.invalid` where nothing is asked. */
export async function checkAccess(ctx: CachedTenantContext, question: Question): Promise<Answer> {
  refuseEmpty(question)
  const { permission, feature, meter, amount = 1 } = question
  const { tenant, access, actor } = ctx
  const standing = meter === undefined ? null : await getStanding(ctx, meter)
  const against = [
    inactivityOf(tenant),
    permission === undefined ? null : withoutScope(ctx, permission),
    feature === undefined ? null : withoutFeature(ctx, feature),
    standing && withoutRoom(standing, amount),
  ].filter((error) => error !== null)
  return {
    allowed: against.length === 0,
    reasons: against.map(asReason),
    tenant: { id: tenant.id, slug: tenant.slug, state: effectiveStatusOf(tenant) },
    principal: principalOf(actor),
    role: isBaseRole(access.role) ? access.role : null,
    plan: planNamed(ctx.services.catalogue, tenant.plan).name,
    usage: standing,
  }
}

function refuseEmpty({ permission, feature, meter, amount }: Question): void {
  const refuse = (path: string, message: string) => requestErrors.invalid({ issues: [{ path, message }] })
  if (amount !== undefined && meter === undefined) throw refuse('amount', 'Name the meter that this is an amount of.')
  if (permission === undefined && feature === undefined && meter === undefined)
    throw refuse('permission', 'Name at least one of permission, feature and meter.')
}

function withoutScope({ access, tenant, services }: CachedTenantContext, permission: string): AppError | null {
  // biome-ignore lint/plugin: the answer is about scopes; whoever may ask is the pipeline's to decide.
  if (access.scopes.has(permission)) return null
  const explain = explainPath(tenant.id, permission)
  const refusal = missingScope(permission, access.withheld.get(permission))
  const message = services.scopes.every.has(permission)
    ? refusal.message
    : `This needs the scope ${permission}, which no role holds.`
  return authErrors.permission_denied({ ...refusal.details, explain }, message)
}

function withoutFeature(
  { services: { catalogue }, tenant, clock }: CachedTenantContext,
  feature: string,
): AppError | null {
  const plan = planNamed(catalogue, tenant.plan)
  if (featuresOf(catalogue, tenant, clock.now()).has(feature)) return null
  if (plan.features.has(feature))
    return planErrors.feature_missing(
      { requiresFeature: feature },
      `The plan ${plan.name} has the feature ${feature}, but an override withdrew it from this tenant.`,
    )
  const unknown = catalogue.features.includes(feature) ? '' : '; the plan catalogue does not know it'
  return planErrors.feature_missing(
    { requiresFeature: feature },
    `The plan ${plan.name} does not have the feature ${feature}${unknown}.`,
  )
}

function withoutRoom(standing: Standing, amount: number): AppError | null {
  const { meter, used, limit, hardLimit, held, remaining, resetsAt } = standing
  if (remaining === null || amount <= remaining) return null
  const [told, besides] = held > 0 ? [{ held }, `; ${held} are reserved`] : [{}, '']
  return limitErrors.limit_exceeded(
    { meter, limit, hardLimit, used, ...told, remaining, ...(resetsAt === null ? {} : { resetsAt }) },
    `${amount} more of ${meter} would be above the limit of ${hardLimit}${besides}.`,
  )
}

function asReason(error: AppError): Answer['reasons'][number] {
  const { requestId: _, ...problem } = toProblem(error, '')
  // The output schema holds the code against those it knows.
  return problem as Answer['reasons'][number]
}
