type Document = Record<string, unknown>

const isObject = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What a JSON Merge Patch (RFC 7396) makes of the settings, as far as a client can tell: null resets a key to a
 * default that only the service knows, so the key stays as it is until the service answers.
 */
export function patchSettings(settings: Document, patch: unknown): Document {
  if (!isObject(patch)) return settings
  const changed = Object.entries(patch)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => {
      const current = Object.hasOwn(settings, key) ? settings[key] : undefined
      return [key, isObject(value) ? patchSettings(isObject(current) ? current : {}, value) : value]
    })
  // As own fields, whatever their names: `__proto__` too.
  return { ...settings, ...Object.fromEntries(changed) }
}
