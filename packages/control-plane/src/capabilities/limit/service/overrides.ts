import type { Change } from '@tenantry/kernel/context/audit-record'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { z } from 'zod'
import type { setLimitOverrides } from '../contract.ts'
import { listCurrentOverrides, lockMeter, removeLimitOverrides, saveLimitOverrides } from '../repository.ts'
import { futureOf, takeEffect, unknownMeters } from './change.ts'

/** Null takes an override away; a value of null is unlimited. */
export type WantedOverrides = Record<string, { value: number | null; expiresAt: Date | null } | null>

/** Those that hold now, by meter. */
export async function list({ em, clock }: TenantContext) {
  const overrides = await listCurrentOverrides(em, clock.now())
  return {
    overrides: overrides.map(({ meter, value, reason, expiresAt, createdAt }) => ({
      meter,
      value: value ?? null,
      reason: reason ?? null,
      expiresAt: expiresAt ?? null,
      createdAt,
    })),
  }
}

/** Throws `request.invalid` naming each meter that is none, and each end that has passed. */
export async function set(ctx: TenantContext, { overrides, reason }: z.output<typeof setLimitOverrides.input>) {
  const issues = unknownMeters(ctx, Object.keys(overrides), (meter) => `overrides.${meter}`)
  const wanted: WantedOverrides = {}
  for (const [meter, override] of Object.entries(overrides)) {
    const { expiresAt, issue } = futureOf(ctx, override?.expiresAt, `overrides.${meter}.expiresAt`)
    if (issue) issues.push(issue)
    wanted[meter] = override && { value: amountOf(override.value), expiresAt }
  }
  if (issues.length > 0) throw requestErrors.invalid({ issues })
  await overrideLimits(ctx, wanted, reason)
  return list(ctx)
}

export const amountOf = (value: number | 'unlimited' | null) => (value === 'unlimited' || value === -1 ? null : value)

/** From its commit on, in every process. Needs a unit of work on the operators' connection. */
export async function overrideLimits(ctx: TenantContext, wanted: WantedOverrides, reason: string): Promise<void> {
  const meters = Object.keys(wanted).toSorted()
  for (const meter of meters) await lockMeter(ctx.em, meter)
  const now = ctx.clock.now()
  const known = new Map((await listCurrentOverrides(ctx.em, now)).map((override) => [override.meter, override]))
  const changes: Record<string, Change> = {}
  for (const meter of meters) {
    const [before, after] = [known.get(meter), wanted[meter]]
    addChange(changes, meter, [told(before), told(after)])
    addChange(changes, `${meter}.expiresAt`, [endOf(before), endOf(after)])
  }
  const kept = meters.flatMap((meter) => {
    const override = wanted[meter]
    return override ? [{ meter, ...override, reason, createdAt: now }] : []
  })
  await saveLimitOverrides(ctx.em, kept)
  await removeLimitOverrides(
    ctx.em,
    meters.filter((meter) => !wanted[meter]),
  )
  ctx.record('limits.overridden', { target: { type: 'tenant', id: ctx.tenant.id }, changes, details: { reason } })
  takeEffect(ctx)
}

function addChange(changes: Record<string, Change>, field: string, [before, after]: [unknown, unknown]): void {
  if (before !== after) changes[field] = { before, after }
}

/** For the audit log: -1 is unlimited, null no override. */
const told = (override: { value?: number | null } | null | undefined) => (override ? (override.value ?? -1) : null)
const endOf = (override: { expiresAt?: Date | null } | null | undefined) => override?.expiresAt?.toISOString() ?? null
