import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { apiAccess, listLiveKeys } from '../../api-key/index.ts'
import { listKeptOverrides } from '../../limit/index.ts'
import { changedAfter } from '../../metering/index.ts'
import { featuresOf, type Plan, planNamed } from '../../plan/index.ts'
import { listRoleScopes } from '../../role/index.ts'
import { getEffectiveSettings, settingsWithFeature } from '../../settings/index.ts'
import type { Tenant } from '../../tenant/index.ts'
import { describeMeters, readSnapshotIn } from '../../usage/index.ts'
import { breakingOf, type ComparedMeter, direction, type LostFeature, limitChanges } from '../rules/comparison.ts'

type Standing = Pick<Tenant, 'plan' | 'timezone' | 'formerTimezones'>

/** What the tenant has now, against what it would have on that plan. */
export async function compare(ctx: TenantContext, tenant: Standing, to: Plan) {
  const { catalogue } = ctx.services
  const from = planNamed(catalogue, tenant.plan)
  const meters = await compareMeters(ctx, tenant, to)
  const has = ({ name: plan }: Plan) => featuresOf(catalogue, { ...ctx.tenant, plan }, ctx.clock.now())
  const [before, after] = [has(from), has(to)]
  const lostFeatures = [...before].filter((feature) => !after.has(feature))
  const gainedFeatures = [...after].filter((feature) => !before.has(feature))
  return {
    from: from.name,
    to: to.name,
    direction: direction(catalogue.order, from.name, to.name),
    monthlyPriceMicros: to.monthlyPriceMicros,
    breaking: breakingOf(meters, await usesOf(ctx, lostFeatures)),
    ...limitChanges(meters),
    gainedFeatures,
    lostFeatures,
    keptOverrides: await listKeptOverrides(ctx, to, ctx.clock.now()),
  } as const
}

/** Those of the period that goes on: it ends as it began, whatever the periods of the new plan begin with. */
async function compareMeters(ctx: TenantContext, standing: Standing, { name: plan }: Plan): Promise<ComparedMeter[]> {
  const { timezone, formerTimezones } = standing
  const stored = { ...ctx.tenant, plan: standing.plan, timezone, formerTimezones }
  const after = changedAfter(ctx.services.catalogue, stored, { plan, until: ctx.clock.now() })
  const [from, to] = [
    { ...ctx, tenant: stored },
    { ...ctx, tenant: after },
  ]
  const snapshot = await readSnapshotIn(to)
  const now = new Map(describeMeters(from, snapshot).map((described) => [described.meter, described]))
  return describeMeters(to, snapshot).map(({ meter, used, limit, hardLimit, state }) => ({
    meter,
    isCount: ctx.services.catalogue.meters[meter]?.countedFrom != null,
    used,
    before: now.get(meter)?.limit ?? null,
    limit,
    hardLimit,
    state,
    isBlocked: now.get(meter)?.state === 'blocked',
  }))
}

type Uses = LostFeature['usedBy']
const mostNames = 10

async function usesOf(ctx: TenantContext, features: readonly string[]): Promise<LostFeature[]> {
  if (features.length === 0) return []
  const { featureOf } = ctx.services.scopes
  const keys = await listLiveKeys(ctx.em, ctx.clock.now())
  const roles = await listRoleScopes(ctx.em)
  const settings = settingsWithFeature(await getEffectiveSettings(ctx))
  const usesBy = usesFor(ctx)
  return features.map((feature) => {
    const needs = ({ scopes }: { scopes: string[] }) => scopes.some((scope) => featureOf(scope) === feature)
    return {
      feature,
      usedBy: [
        ...usesBy('api_keys', feature === apiAccess ? keys : keys.filter(needs)),
        ...usesBy('custom_roles', roles.filter(needs)),
        ...usesBy(
          'settings',
          settings.filter((setting) => setting.feature === feature).map(({ path: name }) => ({ name })),
        ),
      ],
    }
  })
}

type UserType = Uses[number]['type']
const nameScopes = { api_keys: 'keys:read', custom_roles: 'roles:read', settings: 'settings:read' }

/** How many there are; what they are called only for who may read them. */
const usesFor =
  ({ access }: TenantContext) =>
  (type: UserType, users: readonly { name: string }[]): Uses => {
    if (users.length === 0) return []
    // biome-ignore lint/plugin: decides which names are shown, not whether the operation may run.
    const named = access.scopes.has(nameScopes[type]) ? users.slice(0, mostNames) : []
    return [{ type, count: users.length, names: named.map(({ name }) => name) }]
  }
