import { actorKey } from '@tenantry/kernel/context/actor'
import type { Change } from '@tenantry/kernel/context/audit-record'
import type { TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { emitEvent } from '../../event/index.ts'
import { forgetKept, getOwnTenantForUpdate, saveTenant, tenantErrors } from '../../tenant/index.ts'
import type { updateSettings as updateOperation } from '../contract.ts'
import { getSettingsForUpdate, saveSettings } from '../repository.ts'
import type { SettingChange } from '../rules/changes.ts'
import type { Inheritance } from '../rules/inheritance.ts'
import { isSensitive } from '../rules/keys.ts'
import type { StoredSettings } from '../rules/schema.ts'
import { nameIssues, validatePatch } from '../rules/validate.ts'
import { inheritanceOf, shown } from './read.ts'
import { mustBeValid, refuseLocked, refuseRestricted } from './refusals.ts'

/** Decides whether the tenant's API keys work, which is remembered with who may do what. */
const apiAccess = 'features.apiAccessEnabled'

type UpdateInput = z.output<typeof updateOperation.input>

/**
 * Merges a patch onto the newest version, under a lock. Throws `tenant.concurrent_update`, `settings.invalid` with every
 * issue, `settings.too_large` or `settings.restricted_key`.
 */
export async function updateSettings(ctx: TenantContext, { name, settings: patch, expectedVersion }: UpdateInput) {
  const now = ctx.clock.now()
  const tenant = await getOwnTenantForUpdate(ctx.em)
  const current = await getSettingsForUpdate(ctx.em, tenant.createdAt)
  if (expectedVersion !== undefined && expectedVersion !== current.version) {
    throw tenantErrors.concurrent_update({ currentVersion: current.version })
  }
  const inheritance = await inheritanceOf(ctx, tenant)
  const { next, changes } = judge(ctx, { stored: current.document as StoredSettings, inheritance, name, patch })
  const newName = typeof name === 'string' ? name.trim() : tenant.name
  const renamed = newName !== tenant.name
  if (changes.length === 0 && !renamed) return shown(ctx, { ...current, name: newName, inheritance })

  const audited = auditedChanges(changes, renamed ? { name: { before: tenant.name, after: newName } } : {})
  const document = next as Record<string, unknown>
  // A new name alone is a new version too: the answer that the version stands for shows it.
  const version = await saveSettings(ctx.em, current, {
    document,
    changedKeys: Object.keys(audited),
    actorType: ctx.actor.type,
    actorId: actorKey(ctx.actor),
    createdAt: now,
  })
  if (renamed) Object.assign(tenant, { name: newName, updatedAt: now })
  await saveTenant(ctx.em)
  ctx.record('settings.updated', { target: { type: 'settings', id: ctx.tenant.id }, changes: audited })
  // Shown by info, and counted with by the rate limits.
  forgetKept(ctx, ['info', 'budget'])
  if (changes.some(({ path }) => path === apiAccess)) ctx.afterCommit(() => ctx.services.forgetAccess(ctx.tenant.id))
  await emitEvent(ctx, 'settings.updated', { changed: Object.keys(audited), version })
  if (renamed) await emitEvent(ctx, 'tenant.updated', { changed: ['name'], version: tenant.version })
  return shown(ctx, { name: newName, inheritance, document, version, updatedAt: now })
}

interface Judged {
  stored: StoredSettings
  inheritance: Inheritance
  name: unknown
  patch: unknown
}

function judge(ctx: TenantContext, { stored, inheritance, name, patch = {} }: Judged) {
  const { defaults: inherited, lockedBy: locked } = inheritance
  const outcome = validatePatch({ stored, patch, inherited, locked })
  const { next, changes } = mustBeValid(outcome, name === undefined ? [] : nameIssues(name))
  refuseRestricted(ctx, changes)
  refuseLocked(inheritance, stored, next)
  return { next, changes }
}

/** Sensitive values stand in the log by name only. */
function auditedChanges(changes: SettingChange[], others: Record<string, Change>): Record<string, Change> {
  const entries = changes.map(({ path, before, after }): [string, Change] => [
    `settings.${path}`,
    isSensitive(path) ? { before: '[sensitive]', after: '[sensitive]' } : { before, after },
  ])
  return { ...others, ...Object.fromEntries(entries) }
}
