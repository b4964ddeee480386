import type { TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { Sequence, TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { platformPermissions } from '../../access/index.ts'
import { createApiKey, findAccessRefusal } from '../../api-key/index.ts'
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
    if (onboarding.doneSteps.includes(step.name)) continue
    await ctx.unit.tenant(access, (unit) => take(unit, step))
  }
  return ctx.unit.tenant(access, (unit) => finish(unit, { ctx, asker }))
}

async function take(unit: TenantContext, { name, run }: Step): Promise<void> {
  const onboarding = await getOnboardingForUpdate(unit.em)
  if (onboarding.doneSteps.includes(name)) return
  // One that was deleted meanwhile needs nothing, unless it is restored: then this goes on.
  if ((await getOwnTenantForUpdate(unit.em)).status !== 'provisioning') return
  await run(unit, onboarding)
  onboarding.doneSteps = [...onboarding.doneSteps, name]
}

async function finish(unit: TenantContext, { ctx, asker }: { ctx: Sequence; asker: Asker }): Promise<Answer> {
  const onboarding = await getOnboardingForUpdate(unit.em)
  const given = open<Answer>(ctx.sealer, onboarding, 'response')
  if (given !== null) return given
  const tenant = await getOwnTenantForUpdate(unit.em)
  if (tenant.status === 'provisioning') await activate(unit, tenant, onboarding.request.owner)
  const { owner } = onboarding.request
  const answer = { ...(await describeTenant(unit, tenant)), owner }
  if (tenant.status !== 'active') return answer
  const whole = { ...answer, ...(await apiKeyFor(unit, onboarding, asker)) }
  onboarding.finishedAt = unit.clock.now()
  if (onboarding.key) seal(ctx.sealer, onboarding, { column: 'response', value: whole })
  return whole
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

/** Made with the answer that shows it: a key that nobody could see would only be one more that is valid. */
async function apiKeyFor(
  unit: TenantContext,
  { request, key: idempotencyKey }: Onboarding,
  asker: Asker,
): Promise<Pick<Answer, 'apiKey'>> {
  const isAnswerable = asker === 'waits' || Boolean(idempotencyKey)
  if (!request.createApiKey || !isAnswerable || (await findAccessRefusal(unit))) return {}
  const { id, key } = await createApiKey(unit, {
    name: 'Made with the tenant',
    scopes: [...unit.services.scopes.ofRole.member],
  })
  return { apiKey: { id, key } }
}

/** As the platform itself has it: the owner is none before it is made one. */
function accessTo(tenant: Tenant, { actor, services }: Sequence): TenantAccess {
  const { id, slug, status, path, plan, timezone, formerTimezones, createdAt } = tenant
  const above = { path, inactiveAncestor: null }
  return {
    tenant: {
      id,
      slug,
      status,
      statusReason: null,
      statusUntil: null,
      ...above,
      plan,
      // Nobody grants any before it is made.
      featureOverrides: [],
      timezone,
      formerTimezones,
      createdAt,
    },
    role: null,
    inheritedFrom: null,
    ...platformPermissions(actor, services.scopes),
  }
}
