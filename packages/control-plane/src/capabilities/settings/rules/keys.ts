import { z } from 'zod'
import type { JsonValue } from './json.ts'
import { settingsSchema } from './schema.ts'
import { type Annotation, annotations, type Writer } from './setting.ts'

export interface SettingKey {
  /** `notifications.quietHours.start`. */
  path: string
  defaultValue: JsonValue
  description: string
  sensitive: boolean
  writableBy: Writer
  requiresFeature?: string
}

/** The declaration as data: a section is a tree, a leaf one key. */
export interface SettingTree extends ReadonlyMap<string, SettingTree | SettingKey> {}

const keysBySchema = new Map<z.core.$ZodType, SettingKey>()

type Notes = Omit<Annotation, 'description'>

function readKey(path: string, schema: z.core.$ZodType, description: string, notes: Notes): SettingKey {
  if (!(schema instanceof z.ZodDefault)) throw new Error(`The setting ${path} is not declared with setting().`)
  const defaultValue = schema.def.defaultValue as JsonValue
  const key: SettingKey = { sensitive: false, writableBy: 'admin', ...notes, path, defaultValue, description }
  keysBySchema.set(schema, key)
  return key
}

function readTree(object: z.ZodObject, parentPath: string[], inherited: Notes): SettingTree {
  const entries = Object.entries(object.shape).map(([name, schema]): [string, SettingTree | SettingKey] => {
    const path = [...parentPath, name]
    const { description = '', ...own } = annotations.get(schema) ?? {}
    const notes = { ...inherited, ...own }
    const inner = schema instanceof z.ZodPrefault ? schema.unwrap() : null
    return [
      name,
      inner instanceof z.ZodObject ? readTree(inner, path, notes) : readKey(path.join('.'), schema, description, notes),
    ]
  })
  return new Map(entries)
}

export const settingTree: SettingTree = readTree(settingsSchema, [], {})

export const isSection = (node: SettingTree | SettingKey | undefined): node is SettingTree => node instanceof Map

function keysBelow(tree: SettingTree): SettingKey[] {
  return [...tree.values()].flatMap((node) => (isSection(node) ? keysBelow(node) : [node]))
}

export const settingKeys: ReadonlyMap<string, SettingKey> = new Map(
  keysBelow(settingTree).map((key) => [key.path, key]),
)

export const keyOfSchema = (schema: z.core.$ZodType): SettingKey | undefined => keysBySchema.get(schema)

/** The key that `path` is or lies in (`custom.theme.dark` lies in `custom`). */
export function keyAt(path: string): SettingKey | undefined {
  const name = path.split('.')
  while (name.length > 0) {
    const key = settingKeys.get(name.join('.'))
    if (key) return key
    name.pop()
  }
  return undefined
}

/**
 * Whether the values at `path` (`security`, `notifications.webhookUrl`) are for readers with `settings:read_sensitive`
 * only. A section is as sensitive as the most sensitive key in it; a path that is not declared (any more) is sensitive.
 */
export function isSensitive(path: string): boolean {
  const key = keyAt(path)
  if (key) return key.sensitive
  const below = [...settingKeys.values()].filter((candidate) => candidate.path.startsWith(`${path}.`))
  return below.length === 0 || below.some((candidate) => candidate.sensitive)
}
