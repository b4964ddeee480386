import { z } from 'zod'
import { isInheritable } from './inheritance.ts'
import { keyOfSchema } from './keys.ts'
import { settingsSchema } from './schema.ts'
import { annotations } from './setting.ts'

const capitals = new Set(['ai', 'api', 'gdpr', 'ip', 'mfa', 'sms', 'sso', 'url'])

/** `ipWhitelist` becomes "IP whitelist". */
export function titleOf(name: string): string {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).split(' ')
  const title = words.map((word) => (capitals.has(word) ? word.toUpperCase() : word)).join(' ')
  return title.charAt(0).toUpperCase() + title.slice(1)
}

/** JSON Schema 2020-12 of the settings document, with what forms need: titles, defaults and who may write each key. */
export function settingsJsonSchema() {
  return z.toJSONSchema(settingsSchema, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ zodSchema, jsonSchema, path }) => {
      const annotation = annotations.get(zodSchema)
      if (!annotation) return
      jsonSchema.title = titleOf(String(path.at(-1)))
      jsonSchema.description = annotation.description
      const key = keyOfSchema(zodSchema)
      // A section's own default would read as an empty object.
      if (!key) delete jsonSchema.default
      if (!key) return
      jsonSchema['x-sensitive'] = key.sensitive
      jsonSchema['x-writableBy'] = key.writableBy
      jsonSchema['x-inheritable'] = isInheritable(key)
      if (key.requiresFeature) jsonSchema['x-requiresFeature'] = key.requiresFeature
    },
  })
}
