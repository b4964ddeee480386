import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import type { CatalogueProblem } from './catalogue-error.ts'

export type KeyPath = readonly PropertyKey[]

export interface CatalogueDocument {
  value: unknown
  problems: CatalogueProblem[]
  /** The line of the key, or of the nearest key around it where it is missing. */
  lineOf(path: KeyPath): number
}

interface Reading {
  problems: CatalogueProblem[]
  lines: Map<string, number>
  lineAt(node: Node): number
}

const prototypeKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export const dotted = (path: KeyPath) => path.map(String).join('.')
const lineKey = (path: KeyPath) => JSON.stringify(path.map(String))

/** Reads YAML into plain values that remember their lines. Text that is no YAML gives problems and no value. */
export function readDocument(yamlText: string): CatalogueDocument {
  const lineCounter = new LineCounter()
  // Duplicate keys are found by toObject, which knows their path.
  const document = parseDocument(yamlText, { lineCounter, uniqueKeys: false, prettyErrors: false })
  const lineAtOffset = (offset: number) => Math.max(1, lineCounter.linePos(offset).line)
  const reading: Reading = {
    problems: [...document.errors, ...document.warnings].map(({ pos, message }) => ({
      line: lineAtOffset(pos[0]),
      path: '',
      message: `expected YAML: ${message}`,
    })),
    lines: new Map(),
    lineAt: (node) => lineAtOffset(node.range?.[0] ?? 0),
  }
  const value = reading.problems.length === 0 ? toValue(document.contents, [], reading) : undefined
  return { value, problems: reading.problems, lineOf: (path) => nearestLine(reading.lines, path) }
}

function nearestLine(lines: ReadonlyMap<string, number>, path: KeyPath): number {
  const line = lines.get(lineKey(path))
  if (line !== undefined) return line
  return path.length === 0 ? 1 : nearestLine(lines, path.slice(0, -1))
}

function toValue(node: Node | null, path: KeyPath, reading: Reading): unknown {
  if (isMap(node)) return toObject(node, path, reading)
  if (isSeq(node)) {
    return node.items.map((item, index) => {
      const itemPath = [...path, index]
      reading.lines.set(lineKey(itemPath), reading.lineAt(item as Node))
      return toValue(item as Node, itemPath, reading)
    })
  }
  if (isAlias(node)) {
    report(reading, node, path, 'expected the value itself, not an alias')
    return undefined
  }
  return isScalar(node) ? node.value : null
}

function toObject(map: YAMLMap, path: KeyPath, reading: Reading): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const { key, value } of map.items) {
    if (!isScalar(key)) {
      report(reading, (key as Node | null) ?? map, path, 'expected a plain key')
      continue
    }
    const name = String(key.value)
    const keyPath = [...path, name]
    if (prototypeKeys.has(name)) {
      report(reading, key, keyPath, 'expected another key: this one is reserved')
    } else if (Object.hasOwn(object, name)) {
      report(
        reading,
        key,
        keyPath,
        `expected each key once, this one stands on line ${nearestLine(reading.lines, keyPath)} too`,
      )
    } else {
      reading.lines.set(lineKey(keyPath), reading.lineAt(key))
      object[name] = toValue(value as Node | null, keyPath, reading)
    }
  }
  return object
}

function report(reading: Reading, node: Node, path: KeyPath, message: string) {
  reading.problems.push({ line: reading.lineAt(node), path: dotted(path), message })
}
