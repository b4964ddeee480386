import { effectiveSettings } from './effective.ts'
import { equalJson, isJsonObject, type JsonObject, type JsonValue, ownValue } from './json.ts'
import { type SettingKey, settingKeys } from './keys.ts'
import { mergePatch } from './merge-patch.ts'
import type { Settings, StoredSettings } from './schema.ts'

/** What one tenant sets for all below it. */
export interface InheritedSettings {
  tenantId: string
  defaults: StoredSettings
  /** Paths of keys whose value no tenant below may change. */
  locks: readonly string[]
}

/** What holds for a tenant before its own settings; ids of tenants by the path of a key. */
export interface Inheritance {
  defaults: StoredSettings
  /** Which tenant's default it is. */
  origins: ReadonlyMap<string, string>
  lockedBy: ReadonlyMap<string, string>
}

export type Provenance =
  | { source: 'default' | 'own' }
  | {
      source: 'inherited' | 'locked'
      /** Whose default it is, or who locked it. */
      tenantId: string
    }

/** Sensitive values stay where they are, and a plan may not have what a default needs. */
export const isInheritable = ({ sensitive, requiresFeature }: SettingKey): boolean => !sensitive && !requiresFeature

/** The nearer ancestor's default wins, the farther ancestor's lock. `ancestors` begins with the root. */
export function inheritanceFrom(ancestors: readonly InheritedSettings[]): Inheritance {
  let defaults: JsonObject = {}
  const origins = new Map<string, string>()
  const lockedBy = new Map<string, string>()
  for (const { tenantId, defaults: own, locks } of ancestors) {
    const open = withoutKeys(own, lockedBy) as JsonObject
    defaults = mergePatch(defaults, open)
    for (const path of settingKeys.keys()) if (valueAt(open, path) !== undefined) origins.set(path, tenantId)
    for (const path of locks) if (!lockedBy.has(path)) lockedBy.set(path, tenantId)
  }
  return { defaults: defaults as StoredSettings, origins, lockedBy }
}

/** What holds: the tenant's own settings over what it inherits, but for locked keys. */
export function settingsUnder({ defaults, lockedBy }: Inheritance, own: StoredSettings): Settings {
  return effectiveSettings(withoutKeys(own, lockedBy), defaults)
}

/** Where the value of each key comes from. */
export function provenanceOf({ origins, lockedBy }: Inheritance, own: StoredSettings): Map<string, Provenance> {
  const from = (path: string): Provenance => {
    const [locker, origin] = [lockedBy.get(path), origins.get(path)]
    if (locker !== undefined) return { source: 'locked', tenantId: locker }
    if (valueAt(own, path) !== undefined) return { source: 'own' }
    return origin === undefined ? { source: 'default' } : { source: 'inherited', tenantId: origin }
  }
  return new Map([...settingKeys.keys()].map((path) => [path, from(path)]))
}

/** The first key that a tenant would set to something else than what an ancestor locked it to, and that ancestor. */
export function lockedKey(inheritance: Inheritance, before: StoredSettings, after: StoredSettings) {
  const holds = effectiveSettings({}, inheritance.defaults)
  for (const [key, lockedBy] of inheritance.lockedBy) {
    const value = valueAt(after, key)
    if (value === undefined || equalJson(value, valueAt(before, key)) || equalJson(value, valueAt(holds, key))) continue
    return { key, lockedBy }
  }
  return null
}

/** The keys that a sparse document sets. */
export const keysSet = (document: StoredSettings): SettingKey[] =>
  [...settingKeys.values()].filter(({ path }) => valueAt(document, path) !== undefined)

function valueAt(document: StoredSettings | Settings | JsonObject, path: string): JsonValue | undefined {
  return path.split('.').reduce<JsonValue | undefined>(ownValue, document as JsonObject)
}

export function withoutKeys(document: StoredSettings, keys: ReadonlyMap<string, unknown>): StoredSettings {
  return [...keys.keys()].reduce<JsonObject>(
    (left, path) => withoutKey(left, path.split('.')),
    document as JsonObject,
  ) as StoredSettings
}

function withoutKey(document: JsonObject, [name = '', ...inner]: string[]): JsonObject {
  const held = ownValue(document, name)
  if (held === undefined) return document
  const { [name]: _, ...others } = document
  return inner.length > 0 && isJsonObject(held) ? { ...others, [name]: withoutKey(held, inner) } : others
}
