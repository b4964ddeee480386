import { equalJson, isJsonObject, type JsonObject, type JsonValue } from './json.ts'

/**
 * JSON Merge Patch, RFC 7396 section 2. Answers a new document and changes neither argument. Every key becomes an own
 * property, `__proto__` too. Recurses: bound the nesting of a foreign patch first.
 */
export function mergePatch(target: JsonObject, patch: JsonObject): JsonObject
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch
  const merged = new Map(isJsonObject(target) ? Object.entries(target) : [])
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, mergePatch(merged.get(key), value))
  }
  return Object.fromEntries(merged)
}

/** The smallest patch that turns `from` into `to`; neither may hold a null outside of an array. */
export function createMergePatch(from: JsonObject, to: JsonObject): JsonObject {
  const removed = Object.keys(from)
    .filter((key) => !Object.hasOwn(to, key))
    .map((key): [string, JsonValue] => [key, null])
  const written = Object.entries(to)
    .filter(([key, after]) => !Object.hasOwn(from, key) || !equalJson(from[key], after))
    .map(([key, after]): [string, JsonValue] => {
      const before = Object.hasOwn(from, key) ? from[key] : undefined
      return [key, isJsonObject(before) && isJsonObject(after) ? createMergePatch(before, after) : after]
    })
  return Object.fromEntries([...removed, ...written])
}
