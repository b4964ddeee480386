import { isOperator } from '@tenantry/kernel/context/actor'
import type { Change } from '@tenantry/kernel/context/audit-record'
import type { CachedTenantContext, TenantContext, UserContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { pageById } from '@tenantry/kernel/contract/page'
import { effectiveStatusOf } from '@tenantry/kernel/tenancy/inactivity'
import type { z } from 'zod'
import { isBaseRole } from '../access/index.ts'
import { emitEvent } from '../event/index.ts'
import { countMembers } from '../member/index.ts'
import { changedAfter, tenantAt } from '../metering/index.ts'
import { featuresNow, type Plan, type PlanCatalogue } from '../plan/index.ts'
import { type listTenants as listOperation, tenantErrors, type updateTenant as updateOperation } from './contract.ts'
import type { Tenant } from './entity.ts'
import {
  countChildren,
  findScheduledChange,
  getOwnTenant,
  getOwnTenantForUpdate,
  listReachedTenants,
  listTenants,
  removeScheduledChange,
  saveTenant,
  tenantInfo,
} from './repository.ts'

type ListInput = z.output<typeof listOperation.input>
type UpdateInput = z.output<typeof updateOperation.input>

/** What is kept about a tenant beside its own fields, and goes stale when one of them changes. */
export const cachedNames = ['info', 'usage', 'limits', 'budget'] as const

export async function getInfo(ctx: CachedTenantContext) {
  const info = await ctx.cached(async (read) => {
    const [row] = await read(tenantInfo)
    if (!row) throw new Error('The tenant is gone')
    const { createdAt, ...told } = row
    return { ...told, createdAt: new Date(createdAt).toISOString() }
  })
  return {
    ...info,
    subscriptionTier: ctx.tenant.plan,
    features: [...featuresNow(ctx)],
    ...effectiveState(ctx, info.status),
    userRole: isBaseRole(ctx.access.role) ? ctx.access.role : null,
  }
}

export async function get(ctx: TenantContext) {
  return describe(ctx, await getOwnTenant(ctx.em))
}

export async function list(ctx: UserContext, { limit, cursor, plan, ...told }: ListInput) {
  const filter = { ...told, plan: plan && (ctx.services.catalogue.plan(plan)?.name ?? plan) }
  const find = ctx.actor.type === 'user' ? listReachedTenants : listTenants
  return pageById(await find(ctx.em, { filter, after: cursor ?? null, limit: limit + 1 }), limit)
}

/** Throws `tenant.concurrent_update` for a version that is no longer current. */
export async function update(ctx: TenantContext, { tenantId: _, expectedVersion, plan, ...fields }: UpdateInput) {
  const tenant = await getOwnTenantForUpdate(ctx.em)
  if (expectedVersion !== undefined && expectedVersion !== tenant.version) {
    throw tenantErrors.concurrent_update({ currentVersion: tenant.version })
  }
  await changeTenant(ctx, tenant, { fields: { ...fields, ...changedPlan(ctx, plan) }, action: 'tenant.updated' })
  return describe(ctx, tenant)
}

interface TenantChange {
  /** The plan as the catalogue names it. Undefined stays as it is. */
  fields: { [Field in keyof Omit<UpdateInput, 'tenantId' | 'expectedVersion'>]?: UpdateInput[Field] | undefined }
  /** Of the audit entry, as the next. */
  action: string
  details?: Record<string, unknown>
  /** The last instant of what was before: now unless told. */
  until?: Date
}

/**
 * Whatever changes a tenant that must be locked: another plan holds from the commit on in every process, and takes the
 * place of one that was to come later.
 */
export async function changeTenant(
  ctx: TenantContext,
  tenant: Tenant,
  { fields, action, details, until = ctx.clock.now() }: TenantChange,
): Promise<void> {
  const changes = changesOf(tenant, fields)
  if (Object.keys(changes).length === 0) return
  if (changes.plan || changes.timezone) {
    const standing = await standingNow(ctx, tenant)
    tenant.formerTimezones = changedAfter(ctx.services.catalogue, standing, { ...fields, until }).formerTimezones
  }
  Object.assign(tenant, Object.fromEntries(Object.entries(changes).map(([key, { after }]) => [key, after])))
  tenant.updatedAt = ctx.clock.now()
  await saveTenant(ctx.em)
  if (changes.plan) await callOffScheduledChange(ctx, tenant)
  ctx.record(action, { target: { type: 'tenant', id: tenant.id }, changes, ...(details && { details }) })
  forgetTenant(ctx)
  // What is used already stands where it stands under the limits of the new plan.
  if (changes.plan) ctx.afterCommit(() => ctx.services.metering.refresh([tenant.id]))
  await emitEvent(ctx, 'tenant.updated', { changed: Object.keys(changes), version: tenant.version })
}

/** What holds of the tenant of the unit of work now, whether or not the job has been there that makes what is due. */
export async function standingNow({ em, services, clock }: TenantContext, tenant: Tenant) {
  const { plan, timezone, formerTimezones, createdAt } = tenant
  const stored = { plan, timezone, formerTimezones, createdAt, scheduledChange: await findScheduledChange(em) }
  return tenantAt(services.catalogue, stored, clock.now())
}

/** Nothing where none was to come; the tenant keeps the plan that it has by now. */
export async function callOffScheduledChange(ctx: TenantContext, { id, plan }: Tenant): Promise<void> {
  const before = await findScheduledChange(ctx.em)
  if (before === null) return
  await removeScheduledChange(ctx.em)
  ctx.record('subscription.change_called_off', {
    target: { type: 'tenant', id },
    changes: {
      plan: { before: before.plan, after: plan },
      effectiveAt: { before: before.effectiveAt.toISOString(), after: null },
    },
  })
}

/**
 * To be called by whoever changes something that info, usage or limits show, or what a caller may do; of other tenants,
 * where it is of those.
 */
export function forgetTenant(ctx: TenantContext, tenantIds: readonly string[] = [ctx.tenant.id]): void {
  ctx.afterCommit(() => {
    for (const tenantId of tenantIds) ctx.services.forgetAccess(tenantId)
  })
  forgetKept(ctx, cachedNames, tenantIds)
}

export function forgetKept(
  ctx: TenantContext,
  names: readonly (typeof cachedNames)[number][],
  tenantIds: readonly string[] = [ctx.tenant.id],
): void {
  ctx.afterCommit(async () => {
    for (const tenantId of tenantIds) {
      await Promise.all(names.map((name) => ctx.services.cache.invalidate(tenantId, name)))
    }
  })
}

function changedPlan(ctx: TenantContext, plan: string | undefined): { plan?: string } {
  if (plan === undefined) return {}
  if (!isOperator(ctx.actor)) {
    throw authErrors.permission_denied({}, 'Only platform admins set a plan here; a tenant changes its subscription.')
  }
  return { plan: knownPlan(ctx.services.catalogue, plan).name }
}

/** In any letter case. Throws `tenant.unknown_plan`. */
export function knownPlan(catalogue: PlanCatalogue, name: string): Plan {
  const known = catalogue.plan(name)
  if (known) return known
  const issues = [{ path: 'plan', message: `Expected one of ${catalogue.order.join(', ')}.` }]
  throw tenantErrors.unknown_plan(
    { issues },
    `The plan catalogue has no plan "${name}", only ${catalogue.order.join(', ')}.`,
  )
}

function changesOf(tenant: Tenant, fields: Record<string, unknown>): Record<string, Change> {
  const current = tenant as unknown as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([key, after]) => after !== undefined && JSON.stringify(after) !== JSON.stringify(current[key]))
      .map(([key, after]) => [key, { before: current[key], after }]),
  )
}

/** Of the bound tenant, whose own status may just have changed. */
export function effectiveState(
  { tenant: { inactiveAncestor } }: Pick<TenantContext, 'tenant'>,
  status: Tenant['status'],
) {
  return {
    // An ancestor is a tenant, too.
    effectiveStatus: effectiveStatusOf({ status, inactiveAncestor }) as Tenant['status'],
    inactiveAncestorId: inactiveAncestor?.id ?? null,
  }
}

export async function describe(ctx: TenantContext, tenant: Tenant) {
  const { id, name, slug, status, createdAt, contactEmail, timezone, tags, version, updatedAt } = tenant
  const { plan } = await standingNow(ctx, tenant)
  return {
    id,
    name,
    slug,
    status,
    ...effectiveState(ctx, status),
    createdAt,
    contactEmail,
    timezone,
    tags,
    plan,
    version,
    updatedAt,
    externalId: tenant.externalId ?? null,
    organizationType: tenant.organizationType ?? null,
    websiteUrl: tenant.websiteUrl ?? null,
    statusReason: tenant.statusReason ?? null,
    statusUntil: tenant.statusUntil ?? null,
    deleteAfter: tenant.deleteAfter ?? null,
    parentId: tenant.parent?.id ?? null,
    memberCount: await countMembers(ctx.em),
    childCount: await countChildren(ctx.em),
  }
}
