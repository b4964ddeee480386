import type { Change } from '@tenantry/kernel/context/audit-record'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { Issue } from '@tenantry/kernel/errors/app-error'
import type { z } from 'zod'
import { futureOf } from '../limit/index.ts'
import { forgetTenant, getOwnTenantForUpdate } from '../tenant/index.ts'
import type { setFeatureOverrides } from './contract.ts'
import type { FeatureOverride } from './entity.ts'
import { listOverrides, replaceOverrides } from './repository.ts'

type Override = Pick<FeatureOverride, 'granted' | 'expiresAt'>

/** Those that hold now, by feature. */
export async function list({ em, clock }: TenantContext) {
  const overrides = await listOverrides(em, clock.now())
  return {
    overrides: overrides.map(({ feature, granted, reason, expiresAt, createdAt }) => ({
      feature,
      granted,
      reason,
      expiresAt: expiresAt ?? null,
      createdAt,
    })),
  }
}

/** Throws `request.invalid` naming each feature that is none, and each end that has passed. */
export async function set(ctx: TenantContext, { overrides, reason }: z.output<typeof setFeatureOverrides.input>) {
  const wanted = wantedOf(ctx, overrides)
  // One change of a tenant after the other.
  await getOwnTenantForUpdate(ctx.em)
  const createdAt = ctx.clock.now()
  const known = new Map((await listOverrides(ctx.em, createdAt)).map((override) => [override.feature, override]))
  const changes: Record<string, Change> = {}
  for (const [feature, after] of wanted) {
    const before = known.get(feature)
    addChange(changes, feature, [told(before), told(after)])
    addChange(changes, `${feature}.expiresAt`, [endOf(before), endOf(after)])
  }
  const kept = [...wanted].flatMap(([feature, override]) =>
    override === null ? [] : [{ feature, ...override, reason, createdAt }],
  )
  await replaceOverrides(ctx.em, [...wanted.keys()], kept)
  ctx.record('features.overridden', { target: { type: 'tenant', id: ctx.tenant.id }, changes, details: { reason } })
  forgetTenant(ctx)
  return list(ctx)
}

function wantedOf(
  ctx: TenantContext,
  overrides: z.output<typeof setFeatureOverrides.input>['overrides'],
): Map<string, Override | null> {
  const { features } = ctx.services.catalogue
  const issues: Issue[] = Object.entries(overrides)
    // What the catalogue no longer has can be taken away.
    .filter(([feature, override]) => override !== null && !features.includes(feature))
    .map(([feature]) => ({ path: `overrides.${feature}`, message: `Expected one of ${features.join(', ')}.` }))
  const wanted = Object.entries(overrides).map(([feature, override]): [string, Override | null] => {
    const { expiresAt, issue } = futureOf(ctx, override?.expiresAt, `overrides.${feature}.expiresAt`)
    if (issue) issues.push(issue)
    return [feature, override && { granted: override.granted, expiresAt }]
  })
  if (issues.length > 0) throw requestErrors.invalid({ issues })
  return new Map(wanted)
}

function addChange(changes: Record<string, Change>, field: string, [before, after]: [unknown, unknown]): void {
  if (before !== after) changes[field] = { before, after }
}

/** For the audit log: null leaves it to the plan. */
const told = (override: Override | null | undefined) => (override ? (override.granted ? 'granted' : 'withdrawn') : null)
const endOf = (override: Override | null | undefined) => override?.expiresAt?.toISOString() ?? null
