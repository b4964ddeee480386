import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { featuresNow } from '../../plan/index.ts'
import { settingsErrors } from '../contract.ts'
import { restrictedKeys, type SettingChange } from '../rules/changes.ts'
import { type Inheritance, lockedKey } from '../rules/inheritance.ts'
import type { StoredSettings } from '../rules/schema.ts'
import type { Writer } from '../rules/setting.ts'
import type { PatchOutcome } from '../rules/validate.ts'

type Valid = Extract<PatchOutcome, { outcome: 'valid' }>

/** Throws `settings.too_large`, or `settings.invalid` with these issues and those of the patch. */
export function mustBeValid(outcome: PatchOutcome, issues: { path: string; message: string }[] = []): Valid {
  if (outcome.outcome === 'too_large') {
    throw settingsErrors.too_large(
      {},
      `The settings document would have ${outcome.bytes} bytes; ${outcome.limitBytes} are allowed.`,
    )
  }
  if (outcome.outcome === 'valid' && issues.length === 0) return outcome
  throw settingsErrors.invalid({ issues: [...issues, ...(outcome.outcome === 'invalid' ? outcome.issues : [])] })
}

/** Throws `settings.restricted_key` for a key that the caller may not write or the plan has no feature for. */
export function refuseRestricted(ctx: TenantContext, changes: SettingChange[]): void {
  const [restricted] = restrictedKeys(changes, writerOf(ctx), featuresNow(ctx))
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

/** Throws `settings.restricted_key` that names the tenant above which locked the key. */
export function refuseLocked(inheritance: Inheritance, before: StoredSettings, after: StoredSettings): void {
  const locked = lockedKey(inheritance, before, after)
  if (!locked) return
  const { key, lockedBy } = locked
  throw settingsErrors.restricted_key(
    { key, lockedBy },
    `The setting ${key} is locked by the tenant ${lockedBy}, which stands above this one.`,
  )
}

function writerOf({ actor, access }: TenantContext): Writer {
  if (actor.type === 'platformAdmin' || actor.type === 'system') return 'platform'
  return access.role === 'owner' || actor.type === 'service' ? 'owner' : 'admin'
}
