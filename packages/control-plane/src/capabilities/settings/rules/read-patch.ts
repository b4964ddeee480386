import type { Issue } from '@tenantry/kernel/errors/app-error'
import type { JsonObject, JsonValue } from './json.ts'

/** Objects and lists inside one another, the document itself being the first. */
export const maximumNesting = 8

const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype'])

export const issueAt = (path: PropertyKey[], message: string): Issue => ({
  path: ['settings', ...path.map(String)].join('.'),
  message,
})

const isPlainObject = (value: object) => Object.prototype.toString.call(value) === '[object Object]'

type Read = { value?: JsonValue; issues: Issue[] }

const refused = (path: string[], message: string): Read => ({ issues: [issueAt(path, message)] })

function readList(list: unknown[], path: string[]): Read {
  const items = Array.from(list, (item, index) => readJson(item, [...path, String(index)]))
  return {
    value: items.flatMap(({ value }) => (value === undefined ? [] : [value])),
    issues: items.flatMap(({ issues }) => issues),
  }
}

function readObject(object: object, path: string[]): Read {
  const members = Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]): [string, Read] => {
      const inner = [...path, name]
      return [name, forbiddenNames.has(name) ? refused(inner, 'This name is not allowed.') : readJson(value, inner)]
    })
  const kept = members.flatMap(([name, { value }]): [string, JsonValue][] =>
    value === undefined ? [] : [[name, value]],
  )
  return { value: Object.fromEntries(kept), issues: members.flatMap(([, { issues }]) => issues) }
}

function readJson(value: unknown, path: string[]): Read {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return { value, issues: [] }
  if (typeof value === 'number' && Number.isFinite(value)) return { value, issues: [] }
  if (typeof value !== 'object') return refused(path, 'Must be JSON.')
  if (path.length >= maximumNesting) return refused(path, `Must not be nested deeper than ${maximumNesting} levels.`)
  if (Array.isArray(value)) return readList(value, path)
  return isPlainObject(value) ? readObject(value, path) : refused(path, 'Must be JSON.')
}

/**
 * A copy of foreign input that is plain JSON of bounded nesting without names that reach a prototype. What had to be
 * left out is an issue, so that the rest can still be checked in the same answer.
 */
export function readPatch(patch: unknown): { patch: JsonObject; issues: Issue[] } {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch) || !isPlainObject(patch)) {
    return { patch: {}, issues: [issueAt([], 'Must be an object.')] }
  }
  const { value, issues } = readObject(patch, [])
  return { patch: value as JsonObject, issues }
}
