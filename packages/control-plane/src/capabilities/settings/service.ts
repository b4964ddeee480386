import { actorKey } from '@tenantry/kernel/context/actor'
import type { Change } from '@tenantry/kernel/context/audit-record'
import type { ReadTenant, TenantContext } from '@tenantry/kernel/context/request-context'
import type { z } from 'zod'
import { emitEvent } from '../event/index.ts'
import { planNamed } from '../plan/index.ts'
import { forgetKept, getOwnTenant, getOwnTenantForUpdate, saveTenant, tenantErrors } from '../tenant/index.ts'
import { settingsErrors, type updateSettings as updateOperation } from './contract.ts'
import type { TenantSettings } from './entity.ts'
import { findSettings, getSettingsForUpdate, saveSettings, storedDocument } from './repository.ts'
import type { SettingChange } from './rules/changes.ts'
import { restrictedKeys } from './rules/changes.ts'
import { effectiveSettings, redactSensitive } from './rules/effective.ts'
import { settingsJsonSchema } from './rules/json-schema.ts'
import { isSensitive } from './rules/keys.ts'
import type { StoredSettings } from './rules/schema.ts'
import type { Writer } from './rules/setting.ts'
import { nameIssues, validatePatch } from './rules/validate.ts'

type UpdateInput = z.output<typeof updateOperation.input>

export async function getSettings(ctx: TenantContext) {
  const stored = await findSettings(ctx.em)
  const tenant = await getOwnTenant(ctx.em)
  return answer(ctx, tenant.name, stored ?? { document: {}, version: 1, updatedAt: tenant.createdAt })
}

export function getSettingsSchema() {
  return settingsJsonSchema() as Record<string, unknown>
}

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
  const { next, changes } = judge(ctx, current.document as StoredSettings, name, patch)
  const newName = typeof name === 'string' ? name.trim() : tenant.name
  const renamed = newName !== tenant.name
  if (changes.length === 0 && !renamed) return answer(ctx, tenant.name, current)

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
  await emitEvent(ctx, 'settings.updated', { changed: Object.keys(audited), version })
  if (renamed) await emitEvent(ctx, 'tenant.updated', { changed: ['name'], version: tenant.version })
  return answer(ctx, newName, { document, version, updatedAt: now })
}

function judge(ctx: TenantContext, stored: StoredSettings, name: unknown, patch: unknown) {
  const issues = name === undefined ? [] : nameIssues(name)
  const outcome = validatePatch({ stored, patch: patch === undefined ? {} : patch })
  if (outcome.outcome === 'too_large') {
    throw settingsErrors.too_large(
      {},
      `The settings document would have ${outcome.bytes} bytes; ${outcome.limitBytes} are allowed.`,
    )
  }
  if (outcome.outcome === 'invalid') issues.push(...outcome.issues)
  if (outcome.outcome === 'invalid' || issues.length > 0) throw settingsErrors.invalid({ issues })
  refuseRestricted(ctx, outcome.changes)
  return { next: outcome.next, changes: outcome.changes }
}

function refuseRestricted(ctx: TenantContext, changes: SettingChange[]): void {
  const { features } = planNamed(ctx.services.catalogue, ctx.tenant.plan)
  const [restricted] = restrictedKeys(changes, writerOf(ctx), features)
  if (!restricted) return
  const { key, writableBy, requiresFeature } = restricted
  if (requiresFeature) {
    throw settingsErrors.restricted_key(
      { key, requiresFeature },
      `The setting ${key} needs the plan feature ${requiresFeature}.`,
    )
  }
  const writer = writableBy === 'platform' ? 'the platform' : `the ${writableBy}`
  throw settingsErrors.restricted_key({ key, writableBy }, `The setting ${key} may be written by ${writer} only.`)
}

function writerOf({ actor, access }: TenantContext): Writer {
  if (actor.type === 'platformAdmin' || actor.type === 'system') return 'platform'
  return access.role === 'owner' || actor.type === 'service' ? 'owner' : 'admin'
}

/** Sensitive values stand in the log by name only. */
function auditedChanges(changes: SettingChange[], others: Record<string, Change>): Record<string, Change> {
  const entries = changes.map(({ path, before, after }): [string, Change] => [
    `settings.${path}`,
    isSensitive(path) ? { before: '[sensitive]', after: '[sensitive]' } : { before, after },
  ])
  return { ...others, ...Object.fromEntries(entries) }
}

function answer(ctx: TenantContext, name: string, stored: Pick<TenantSettings, 'document' | 'version' | 'updatedAt'>) {
  const effective = effectiveSettings(stored.document as StoredSettings)
  // biome-ignore lint/plugin: decides which fields are shown, not whether the operation may run.
  const visible = ctx.access.scopes.has('settings:read_sensitive') ? effective : redactSensitive(effective)
  return { name, settings: visible as Record<string, unknown>, version: stored.version, updatedAt: stored.updatedAt }
}

/** The platform's own figures for a tenant; null takes the plan's. */
export async function readRateLimits(read: ReadTenant) {
  const [stored] = await read(storedDocument)
  return effectiveSettings(stored?.document ?? {}).rateLimits
}
