import type { Actor } from '@tenantry/kernel/context/actor'
import type { Budget, Services, TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { DetachedTenantContext } from '@tenantry/kernel/context/request-context'
import type { AnyOperation, RateLimitClass } from '@tenantry/kernel/contract/operation'
import { effectiveStatusOf } from '@tenantry/kernel/tenancy/inactivity'
import type { z } from 'zod'
import { baseRoles, isBaseRole } from '../../access/index.ts'
import { planNamed } from '../../plan/index.ts'
import { accessErrors, type explainAccess as explainOperation } from '../contract.ts'
import { explainSteps } from '../rules/steps.ts'
import { principalOf } from './principal.ts'

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    /** What the pipeline decides by; an explanation by anything else would be one of something else. */
    decisions: {
      findAccess: Directory['findAccess']
      findDeactivated(
        actor: Actor,
        about: { userId: string; tenant: TenantAccess['tenant'] },
      ): Promise<TenantAccess | null>
      budget(limit: RateLimitClass, tenant: TenantAccess['tenant']): Promise<Budget>
      operationsNeeding(permission: string): { name: string; operation: AnyOperation }[]
    }
  }
}

type Question = z.output<typeof explainOperation.input>
type Answer = z.output<typeof explainOperation.output>

/** Throws `access.others_denied` for a question about somebody else by who does not manage members. */
export async function explainAccess(ctx: DetachedTenantContext, question: Question): Promise<Answer> {
  const { permission, feature, tenantId: reference } = question
  const { tenant, services } = ctx
  const { actor, access, isDeactivated } = await subjectOf(ctx, question.userId)
  const plan = planNamed(services.catalogue, tenant.plan)
  const holds = (scopes: ReadonlySet<string>) => permission !== undefined && scopes.has(permission)
  const principal = principalOf(actor)
  const steps = explainSteps({
    principal,
    isDeactivated,
    reference,
    tenant,
    access,
    permission,
    rolesWithPermission: baseRoles.filter((role) => holds(services.scopes.ofRole[role])),
    feature,
    plan,
    override: overrideOf(ctx, feature),
    plansWithFeature: plansWith(services, feature),
    plansWithPermission: plansWith(services, permission && services.scopes.featureOf(permission)),
    operations: permission === undefined ? [] : await budgetsOf(ctx, permission),
  })
  const role = access?.role ?? null
  return {
    allowed: steps.every(({ outcome }) => outcome !== 'failed'),
    permission: permission ?? null,
    feature: feature ?? null,
    tenant: { id: tenant.id, slug: tenant.slug, state: effectiveStatusOf(tenant) },
    principal,
    role: isBaseRole(role) ? role : null,
    inheritedFrom: access?.inheritedFrom ?? null,
    steps,
  }
}

/** What holds now in place of the plan. */
const overrideOf = ({ tenant, clock }: DetachedTenantContext, feature: string | undefined) =>
  tenant.featureOverrides.find(
    (one) => one.feature === feature && (one.expiresAt === null || new Date(one.expiresAt) > clock.now()),
  ) ?? null

const plansWith = ({ catalogue }: Services, feature: string | null | undefined): string[] =>
  catalogue.plans.filter(({ features }) => feature && features.has(feature)).map(({ name }) => name)

async function subjectOf(
  ctx: DetachedTenantContext,
  userId: string | undefined,
): Promise<{ actor: Actor; access: TenantAccess | null; isDeactivated: boolean }> {
  const { actor, access, tenant, services } = ctx
  if (userId === undefined || ('id' in actor && actor.id === userId)) return { actor, access, isDeactivated: false }
  // biome-ignore lint/plugin: the contract lets everybody ask about themselves; who else they ask about is known here.
  if (!access.scopes.has('members:manage')) throw accessErrors.others_denied({ missingScope: 'members:manage' })
  const other: Actor = { type: 'user', id: userId, email: null, name: null }
  const found = await services.decisions.findAccess(other, tenant.id)
  if (found) return { actor: other, access: found, isDeactivated: false }
  const held = await services.decisions.findDeactivated(actor, { userId, tenant })
  return { actor: other, access: held, isDeactivated: held !== null }
}

async function budgetsOf({ services: { decisions }, tenant }: DetachedTenantContext, permission: string) {
  return Promise.all(
    decisions.operationsNeeding(permission).map(async ({ name, operation: { rateLimit } }) => ({
      name,
      limit: rateLimit,
      ...(await decisions.budget(rateLimit, tenant)),
    })),
  )
}
