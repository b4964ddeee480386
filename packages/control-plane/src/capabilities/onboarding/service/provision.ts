import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { Sequence, TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { platformPermissions } from '../../access/index.ts'
import {
  describeTenant,
  findTenantById,
  forgetTenant,
  getOwnTenantForUpdate,
  saveTenant,
  type Tenant,
} from '../../tenant/index.ts'
import type { createTenant as createOperation } from '../contract.ts'
import { getOnboardingForUpdate, type Onboarding } from '../repository.ts'
import type { OnboardingRequest } from '../rules/request.ts'
import { open, seal } from './sealed.ts'
import { type Step, steps } from './steps.ts'

export type Answer = z.input<typeof createOperation.output>

/** Whether somebody waits for the answer; who comes back for it does so with a key. */
export type Asker = 'waits' | 'is gone'

/**
 * Does what is not done yet, each step in a transaction with the mark that it is done, and activates the tenant last.
 * The caller holds the onboarding; should it lose it meanwhile, the lock on the row keeps each step from being done twice.
 */
export async function provision(ctx: Sequence, onboarding: Onboarding, asker: Asker): Promise<Answer> {
  const tenant = await ctx.unit.platform(({ em }) => findTenantById(em, onboarding.tenantId))
  if (!tenant) throw new Error('The tenant of the onboarding is gone')
  const access = accessTo(tenant, ctx)
  for (const step of steps) {
    // One that was deleted meanwhile needs nothing any more.
    if (tenant.status !== 'provisioning' || onboarding.doneSteps.includes(step.name)) continue
    await ctx.unit.tenant(access, (unit) => take(unit, step, { ctx, asker }))
  }
  return ctx.unit.tenant(access, (unit) => finish(unit, ctx))
}

async function take(
  unit: TenantContext,
  { name, run }: Step,
  { ctx, asker }: { ctx: Sequence; asker: Asker },
): Promise<void> {
  const onboarding = await getOnboardingForUpdate(unit.em)
  if (onboarding.doneSteps.includes(name)) return
  await run(unit, onboarding, { sealer: ctx.sealer, answerable: asker === 'waits' || Boolean(onboarding.key) })
  onboarding.doneSteps = [...onboarding.doneSteps, name]
}

async function finish(unit: TenantContext, ctx: Sequence): Promise<Answer> {
  const onboarding = await getOnboardingForUpdate(unit.em)
  const given = open<Answer>(ctx.sealer, onboarding, 'response')
  if (given !== null) return given
  const tenant = await getOwnTenantForUpdate(unit.em)
  if (tenant.status === 'provisioning') await activate(unit, tenant, onboarding.request.owner)
  const answer = await answerOf(unit, { tenant, onboarding, ctx })
  onboarding.finishedAt = unit.clock.now()
  onboarding.apiKey = null
  if (onboarding.key) seal(ctx.sealer, onboarding, { column: 'response', value: answer })
  return answer
}

async function activate(unit: TenantContext, tenant: Tenant, owner: OnboardingRequest['owner']): Promise<void> {
  Object.assign(tenant, { status: 'active', updatedAt: unit.clock.now() })
  await saveTenant(unit.em)
  unit.record('tenant.activated', {
    target: { type: 'tenant', id: tenant.id },
    changes: { status: { before: 'provisioning', after: 'active' } },
  })
  forgetTenant(unit)
  const { userId, email } = owner
  // Ownerships are claimed by signing in, and a sign-in is remembered.
  if (userId === null && email !== null) unit.afterCommit(() => unit.services.forgetSignIns(email))
}

async function answerOf(
  unit: TenantContext,
  { tenant, onboarding, ctx }: { tenant: Tenant; onboarding: Onboarding; ctx: Sequence },
): Promise<Answer> {
  const apiKey = open<NonNullable<Answer['apiKey']>>(ctx.sealer, onboarding, 'apiKey')
  const { owner } = onboarding.request
  return { ...(await describeTenant(unit, tenant)), owner, ...(apiKey === null ? {} : { apiKey }) }
}

/** As the platform itself has it: the owner is none before it is made one. */
function accessTo(tenant: Tenant, { actor, services }: Sequence): TenantAccess {
  const { id, slug, status, path, plan, timezone, formerTimezones, createdAt } = tenant
  const above = { path, inactiveAncestor: null }
  return {
    tenant: { id, slug, status, statusReason: null, ...above, plan, timezone, formerTimezones, createdAt },
    role: null,
    inheritedFrom: null,
    ...platformPermissions(actor, services.scopes),
  }
}
