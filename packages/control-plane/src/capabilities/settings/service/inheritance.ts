import type { Change } from '@tenantry/kernel/context/audit-record'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { Issue } from '@tenantry/kernel/errors/app-error'
import type { z } from 'zod'
import { forgetKept, getOwnTenant, getOwnTenantForUpdate, type Tenant, tenantErrors } from '../../tenant/index.ts'
import type { updateSettingsInheritance as updateOperation } from '../contract.ts'
import type { SettingsInheritance } from '../entity.ts'
import { findInheritance, listDescendants, saveInheritance } from '../repository.ts'
import { diffSettings } from '../rules/changes.ts'
import { isInheritable, keysSet } from '../rules/inheritance.ts'
import { settingKeys } from '../rules/keys.ts'
import type { StoredSettings } from '../rules/schema.ts'
import { type PatchOutcome, validatePatch } from '../rules/validate.ts'
import { inheritanceOf } from './read.ts'
import { mustBeValid, refuseLocked, refuseRestricted } from './refusals.ts'

type UpdateInput = z.output<typeof updateOperation.input>
type Handed = Pick<SettingsInheritance, 'defaults' | 'locks' | 'version' | 'updatedAt'>

export async function getInheritance(ctx: TenantContext) {
  return handedDown(await findInheritance(ctx.em), await getOwnTenant(ctx.em))
}

/**
 * Sets what holds in all tenants below. Throws `tenant.concurrent_update`, `settings.invalid` with every issue,
 * `settings.too_large` or `settings.restricted_key`.
 */
export async function updateInheritance(ctx: TenantContext, { expectedVersion, ...input }: UpdateInput) {
  const tenant = await getOwnTenantForUpdate(ctx.em)
  const known = await findInheritance(ctx.em)
  const current = handedDown(known, tenant)
  if (expectedVersion !== undefined && expectedVersion !== current.version) {
    throw tenantErrors.concurrent_update({ currentVersion: current.version })
  }
  const { defaults, locks, changes } = await judge(ctx, tenant, current, input)
  if (Object.keys(changes).length === 0) return current

  const next = { defaults, locks, version: current.version + 1, updatedAt: ctx.clock.now() }
  await saveInheritance(ctx.em, known, next)
  ctx.record('settings.inheritance_updated', { target: { type: 'settings', id: tenant.id }, changes })
  // Rate limits are what is kept of settings.
  forgetKept(ctx, ['budget'], await listDescendants(ctx.em))
  return next
}

function handedDown(known: SettingsInheritance | null, { createdAt }: Tenant): Handed {
  const { defaults, locks, version, updatedAt } = known ?? { defaults: {}, locks: [], version: 1, updatedAt: createdAt }
  return { defaults, locks, version, updatedAt }
}

async function judge(ctx: TenantContext, tenant: Tenant, current: Handed, { defaults, locks }: Partial<UpdateInput>) {
  const above = await inheritanceOf(ctx, tenant)
  const was = current.defaults as StoredSettings
  const written = defaults === undefined ? { stored: was, patch: {} } : { stored: {}, patch: defaults }
  const outcome = validatePatch({ ...written, inherited: above.defaults })
  const { next } = mustBeValid(inDefaults(outcome), [...defaultIssues(outcome), ...lockIssues(locks ?? [])])

  const changed = diffSettings(was, next, above.defaults)
  const locksNow = locks === undefined ? current.locks : [...new Set(locks)].sort()
  const toggled = [...current.locks, ...locksNow].filter(
    (key) => current.locks.includes(key) !== locksNow.includes(key),
  )
  refuseRestricted(ctx, [...changed, ...toggled.map((path) => ({ path, before: false, after: true }))])
  refuseLocked(above, was, next)
  const changes = changed.map(({ path, before, after }): [string, Change] => [`defaults.${path}`, { before, after }])
  if (toggled.length > 0) changes.push(['locks', { before: current.locks, after: locksNow }])
  return { defaults: next as Record<string, unknown>, locks: locksNow, changes: Object.fromEntries(changes) }
}

const inDefaults = (outcome: PatchOutcome): PatchOutcome =>
  outcome.outcome === 'invalid'
    ? {
        ...outcome,
        issues: outcome.issues.map((issue) => ({ ...issue, path: issue.path.replace(/^settings/, 'defaults') })),
      }
    : outcome

const notInherited = 'Sensitive settings and those that need a plan feature are not inherited.'

function defaultIssues(outcome: PatchOutcome): Issue[] {
  if (outcome.outcome !== 'valid') return []
  const refused = keysSet(outcome.next).filter((key) => !isInheritable(key))
  return refused.map(({ path }) => ({ path: `defaults.${path}`, message: notInherited }))
}

function lockIssues(locks: string[]): Issue[] {
  return locks.flatMap((path, index) => {
    const key = settingKeys.get(path)
    if (key && isInheritable(key)) return []
    return [{ path: `locks.${index}`, message: key ? notInherited : `There is no setting "${path}".` }]
  })
}
