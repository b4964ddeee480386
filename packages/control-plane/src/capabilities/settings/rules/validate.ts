import { textProblem } from '@tenantry/kernel/contract/text'
import type { Issue } from '@tenantry/kernel/errors/app-error'
import type { z } from 'zod'
import { diffSettings, type SettingChange } from './changes.ts'
import { withoutKeys } from './inheritance.ts'
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from './json.ts'
import { isSection, type SettingTree, settingTree } from './keys.ts'
import { mergePatch } from './merge-patch.ts'
import { issueAt, readPatch } from './read-patch.ts'
import { type StoredSettings, settingsSchema } from './schema.ts'

/** Largest stored document, in UTF-8 bytes of its JSON. */
export const maximumDocumentBytes = 10_240

const maximumIssues = 100
const unknownSetting = 'There is no such setting.'

export interface PatchRequest {
  stored: StoredSettings
  /** A JSON Merge Patch as it came in; anything is taken and judged. */
  patch: unknown
  /** What the ancestors of the tenant set. */
  inherited?: StoredSettings
  /** Keys that ancestors locked: what the tenant itself stored for them does not hold. */
  locked?: ReadonlyMap<string, unknown>
  /** Hosts that configuration opens although they are private; they may be reached by plain http too. */
  openHosts?: ReadonlySet<string>
}

export type PatchOutcome =
  | { outcome: 'invalid'; issues: Issue[] }
  | { outcome: 'too_large'; bytes: number; limitBytes: number }
  | { outcome: 'valid'; next: StoredSettings; changes: SettingChange[] }

export const documentBytes = (stored: StoredSettings): number =>
  new TextEncoder().encode(JSON.stringify(stored)).byteLength

/** What is wrong with a tenant's name: 3 to 100 characters, not counting space around it, in one plain line. */
export function nameIssues(name: unknown): Issue[] {
  if (typeof name !== 'string') return [{ path: 'name', message: 'Must be a text.' }]
  const problem = textProblem(name, 'single')
  const { length } = name.trim()
  return [
    ...(length < 3 || length > 100 ? [{ path: 'name', message: 'Must have 3 to 100 characters.' }] : []),
    ...(problem ? [{ path: 'name', message: problem }] : []),
  ]
}

/**
 * Judges a patch and answers all its issues at once, or the document to store. The rules run on the effective document,
 * where a rule over two keys sees both even if one is a default, but only what the patch touches is reported: a value
 * that became invalid since it was stored must not block every other change. Being too large comes before any issue.
 */
export function validatePatch({
  stored,
  patch: foreign,
  inherited = {},
  locked = new Map(),
  openHosts,
}: PatchRequest): PatchOutcome {
  const { patch, issues: unreadable } = readPatch(foreign)
  const next = withoutEmptySections(mergePatch(stored as JsonObject, patch), settingTree)
  const bytes = documentBytes(next as StoredSettings)
  if (bytes > maximumDocumentBytes) return { outcome: 'too_large', bytes, limitBytes: maximumDocumentBytes }

  const unknown = unknownNames(patch, stored as JsonObject, settingTree, [])
  const effective = mergePatch(inherited as JsonObject, withoutKeys(next as StoredSettings, locked) as JsonObject)
  const issues = [...unreadable, ...unknown, ...schemaIssues(patch, effective, openHosts)]
  if (issues.length > 0) return { outcome: 'invalid', issues: issues.slice(0, maximumIssues) }
  // The schema has just accepted every key that differs from what it accepted before.
  const accepted = next as StoredSettings
  return { outcome: 'valid', next: accepted, changes: diffSettings(stored, accepted, inherited) }
}

const groupSchemas: Record<string, z.ZodType> = settingsSchema.shape

/** No rule spans two groups, so the groups that the patch names are enough. */
function schemaIssues(patch: JsonObject, document: JsonObject, openHosts: ReadonlySet<string> = new Set()): Issue[] {
  const groups = Object.keys(patch).filter((name) => settingTree.has(name))
  return groups.flatMap((name) => {
    const { error } = groupSchemas[name]?.safeParse(document[name]) ?? {}
    return (error?.issues ?? [])
      .filter((issue) => !(issue.code === 'custom' && openHosts.has(issue.params?.openableHost)))
      .flatMap((issue) => findings([name, ...issue.path], issue))
      .filter(({ path }) => touches(patch, path))
      .map(({ path, message }) => issueAt(path, message))
  })
}

function findings(path: PropertyKey[], issue: z.core.$ZodIssue) {
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
  return issue.keys.map((key) => ({ path: [...path, key], message: unknownSetting }))
}

/** Whether the patch writes the value at `path`, something in it, or something around it. */
function touches(patch: JsonObject, path: PropertyKey[]): boolean {
  let node: JsonObject = patch
  for (const name of path.map(String)) {
    if (!Object.hasOwn(node, name)) return false
    const inner = node[name]
    if (!isJsonObject(inner)) return true
    node = inner
  }
  return true
}

/**
 * What the group schemas cannot find: unknown groups, and a null for an unknown key, of which the merged document shows
 * no trace. One that is stored, from before its declaration was withdrawn, may be removed.
 */
function unknownNames(patch: JsonObject, stored: JsonValue | undefined, tree: SettingTree, path: string[]): Issue[] {
  return Object.entries(patch).flatMap(([name, value]) => {
    const node = tree.get(name)
    const held = ownValue(stored, name)
    if (isSection(node) && isJsonObject(value)) return unknownNames(value, held, node, [...path, name])
    const isUnknown = !node && (value === null ? held === undefined : path.length === 0)
    return isUnknown ? [issueAt([...path, name], unknownSetting)] : []
  })
}

/** Keeps the stored document the same whether a section was never written or emptied again. */
function withoutEmptySections(document: JsonObject, tree: SettingTree): JsonObject {
  const entries = Object.entries(document).flatMap(([name, value]): [string, JsonValue][] => {
    const node = tree.get(name)
    if (!node || !isJsonObject(value)) return [[name, value]]
    const rest = isSection(node) ? withoutEmptySections(value, node) : value
    const isEmpty = Object.keys(rest).length === 0 && (isSection(node) || isJsonObject(node.defaultValue))
    return isEmpty ? [] : [[name, rest]]
  })
  return Object.fromEntries(entries)
}
