import { effectiveSettings } from './effective.ts'
import { equalJson, isJsonObject, type JsonObject, type JsonValue, ownValue } from './json.ts'
import { keyAt, settingKeys } from './keys.ts'
import type { Settings, StoredSettings } from './schema.ts'
import { type Writer, writers } from './setting.ts'

/**
 * One key whose stored value differs, with the values that held before and after (null: none). They are the same where
 * a key was merely set to the default it already had.
 */
export interface SettingChange {
  path: string
  before: JsonValue
  after: JsonValue
}

/** Paths of the leaves that differ. Lists are leaves, and so is an object that appears or goes empty. */
function differingPaths(before: JsonValue | undefined, after: JsonValue | undefined, path: string[]): string[][] {
  if (equalJson(before, after)) return []
  const comparable = [before, after].every((side) => side === undefined || isJsonObject(side))
  if (!comparable) return [path]
  const names = new Set([before, after].flatMap((side) => (isJsonObject(side) ? Object.keys(side) : [])))
  const inner = [...names].flatMap((name) =>
    differingPaths(ownValue(before, name), ownValue(after, name), [...path, name]),
  )
  return inner.length > 0 ? inner : [path]
}

const valueAt = (settings: JsonValue, path: string[]): JsonValue =>
  path.reduce<JsonValue | undefined>(ownValue, settings) ?? null

/** What turned one stored document into another. */
export function diffSettings(
  from: StoredSettings,
  to: StoredSettings,
  inherited: StoredSettings = {},
): SettingChange[] {
  const before = effectiveSettings(from, inherited) as unknown as JsonObject
  const after = effectiveSettings(to, inherited) as unknown as JsonObject
  return differingPaths(from as JsonObject, to as JsonObject, []).map((path) => ({
    path: path.join('.'),
    before: valueAt(before, path),
    after: valueAt(after, path),
  }))
}

export interface RestrictedKey {
  key: string
  writableBy: Writer
  /** The plan feature that is missing, where the writer would be entitled. */
  requiresFeature?: string
}

/**
 * The changed keys that this writer may not write, or that need a feature the plan has not. A change that leaves the
 * value that holds as it was is no breach, nor is going back to the default of a key whose feature was lost.
 */
export function restrictedKeys(
  changes: SettingChange[],
  writer: Writer,
  planFeatures: ReadonlySet<string>,
): RestrictedKey[] {
  return changes
    .filter(({ before, after }) => !equalJson(before, after))
    .flatMap(({ path, after }): RestrictedKey[] => {
      const key = keyAt(path)
      if (!key) return []
      const { writableBy, requiresFeature, defaultValue } = key
      if (writers.indexOf(writer) < writers.indexOf(writableBy)) return [{ key: path, writableBy }]
      if (!requiresFeature || planFeatures.has(requiresFeature) || equalJson(after, defaultValue)) return []
      return [{ key: path, writableBy, requiresFeature }]
    })
}

/** The keys that hold another value than their default and count only with a feature of the plan. */
export const settingsWithFeature = (settings: Settings): { path: string; feature: string }[] =>
  [...settingKeys.values()].flatMap(({ path, requiresFeature, defaultValue }) =>
    requiresFeature === undefined ||
    equalJson(valueAt(settings as unknown as JsonObject, path.split('.')), defaultValue)
      ? []
      : [{ path, feature: requiresFeature }],
  )
