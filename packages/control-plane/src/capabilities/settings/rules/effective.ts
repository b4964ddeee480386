import { isJsonObject, type JsonObject, type JsonValue, ownValue } from './json.ts'
import { isSection, type SettingTree, settingTree } from './keys.ts'
import { mergePatch } from './merge-patch.ts'
import type { Settings, StoredSettings } from './schema.ts'

// A caller that changes its document must not reach the declared defaults; most values are scalars.
const copy = (value: JsonValue) => (typeof value === 'object' ? structuredClone(value) : value)

function fill(tree: SettingTree, value: JsonValue | undefined): JsonObject {
  return Object.fromEntries(
    Array.from(tree, ([name, node]) => {
      const held = ownValue(value, name)
      return [name, isSection(node) ? fill(node, held) : copy(held ?? node.defaultValue)]
    }),
  )
}

/**
 * The document that holds: stored over inherited over declared defaults. Never refuses: a value that was valid when it
 * was stored stays, a key no longer declared is left out.
 */
export function effectiveSettings(stored: StoredSettings, inherited: StoredSettings = {}): Settings {
  // A key declared in the schema has either its stored value or its default, which the declaration ties to the type.
  return fill(settingTree, mergePatch(inherited as JsonObject, stored as JsonObject)) as unknown as Settings
}

export const defaultSettings = (): Settings => effectiveSettings({})

function hideSensitive(tree: SettingTree, value: JsonObject): JsonObject {
  return Object.fromEntries(
    Array.from(tree).flatMap(([name, node]): [string, JsonValue][] => {
      const held = ownValue(value, name)
      if (held === undefined) return []
      if (!isSection(node)) return node.sensitive ? [] : [[name, held]]
      const rest = isJsonObject(held) ? hideSensitive(node, held) : {}
      return Object.keys(rest).length > 0 ? [[name, rest]] : []
    }),
  )
}

/** For readers without `settings:read_sensitive`: sensitive keys are absent, and so is a section with no other key. */
export function redactSensitive(settings: Settings | StoredSettings): StoredSettings {
  return hideSensitive(settingTree, settings as JsonObject) as StoredSettings
}
