import type { z } from 'zod'
import { isTenantScope } from '../../access/index.ts'
import { type CatalogueDocument, dotted, type KeyPath, readDocument } from './catalogue-document.ts'
import { CatalogueError, type CatalogueProblem } from './catalogue-error.ts'
import { parseQuantity, wholeNumber } from './catalogue-quantity.ts'
import {
  type CatalogueFile,
  catalogueSchema,
  type DeclaredNames,
  nameExpected,
  namePattern,
  scopeExpected,
  scopePattern,
} from './catalogue-schema.ts'

/** The plan of a tenant without one; every catalogue has it, as its lowest. */
export const defaultPlanName = 'free'

/** The content of a catalogue file. Throws a `CatalogueError` with every problem it has. */
export function checkCatalogue(yamlText: string, fileName: string): CatalogueFile {
  const document = readDocument(yamlText)
  if (document.value === undefined) throw new CatalogueError(fileName, document.problems)

  const parsed = catalogueSchema(declaredNames(document.value)).safeParse(document.value)
  const problems = [
    ...document.problems,
    ...(parsed.error?.issues ?? []).flatMap((issue) => problemsOf(document, issue, [])),
    ...nameProblems(document, 'meters'),
    ...nameProblems(document, 'plans'),
    ...sourceProblems(document),
    ...scopeProblems(document),
    ...planOrderProblems(document),
  ]
  if (!parsed.success || problems.length > 0) {
    throw new CatalogueError(
      fileName,
      problems.toSorted((left, right) => (left.line ?? 0) - (right.line ?? 0)),
    )
  }
  return parsed.data
}

function declaredNames(file: unknown): DeclaredNames {
  const features = valueAt(file, ['features'])
  const meters = Object.entries(asObject(valueAt(file, ['meters'])))
  const facts = meters.map(([key, meter]): [string, { bytes: boolean; grace: boolean }] => {
    const grace = valueAt(meter, ['grace'])
    return [key, { bytes: valueAt(meter, ['unit']) === 'bytes', grace: grace !== undefined && grace !== 'none' }]
  })
  return {
    meters: new Map(facts),
    features: Array.isArray(features) ? features.filter((feature) => typeof feature === 'string') : [],
  }
}

function problemsOf(document: CatalogueDocument, issue: z.core.$ZodIssue, parent: KeyPath): CatalogueProblem[] {
  const path = [...parent, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => problemAt(document, [...path, key], `unknown key, expected ${issue.message}`))
  }
  if (issue.code === 'invalid_union') {
    // The alternative that was meant is the one whose own shape fits: its faults lie further inside.
    const meant = issue.errors.find((issues) =>
      issues.every((inner) => inner.code === 'unrecognized_keys' || inner.path.length > 0),
    )
    if (meant !== undefined) return meant.flatMap((inner) => problemsOf(document, inner, path))
  }
  return [problemAt(document, path, `expected ${issue.message}, found ${shown(valueAt(document.value, path))}`)]
}

function nameProblems(document: CatalogueDocument, section: 'meters' | 'plans'): CatalogueProblem[] {
  const names = Object.keys(asObject(valueAt(document.value, [section])))
  return names
    .filter((name) => !namePattern.test(name))
    .map((name) => problemAt(document, [section, name], `expected ${nameExpected}, found ${shown(name)}`))
}

function sourceProblems(document: CatalogueDocument): CatalogueProblem[] {
  return Object.entries(asObject(valueAt(document.value, ['meters']))).flatMap(([name, meter]) => {
    const { source, countedFrom, kind, period } = asObject(meter)
    const problem = (expected: string) => [problemAt(document, ['meters', name, 'source'], `expected ${expected}`)]
    if (source === undefined) return []
    if (countedFrom !== undefined) return problem(`no source: the meter is counted from ${shown(countedFrom)}`)
    const { at } = asObject(source)
    if (kind !== 'counter' || (period === 'total') === (at === undefined)) return []
    if (period === 'total') return problem('no at: all rows count in a period that never ends')
    return problem('at, the column that says in which period a row counts')
  })
}

function scopeProblems(document: CatalogueDocument): CatalogueProblem[] {
  return Object.keys(asObject(valueAt(document.value, ['scopes']))).flatMap((name) => {
    const problem = (expected: string) => [
      problemAt(document, ['scopes', name], `expected ${expected}, found ${shown(name)}`),
    ]
    if (!scopePattern.test(name)) return problem(scopeExpected)
    return isTenantScope(name) ? problem('a name that is none of the scopes of Tenantry itself') : []
  })
}

function planOrderProblems(document: CatalogueDocument): CatalogueProblem[] {
  const names = Object.keys(asObject(valueAt(document.value, ['plans'])))
  const problems: CatalogueProblem[] = []
  if (names[0] !== undefined && names[0] !== defaultPlanName) {
    problems.push(problemAt(document, ['plans', names[0]], `expected the plan ${defaultPlanName} first`))
  }
  let highest = 0
  for (const name of names) {
    const path = ['plans', name, 'monthlyPriceMicros']
    const price = parseQuantity(valueAt(document.value, path), wholeNumber) ?? 0
    if (price > 0 && price < highest) {
      problems.push(
        problemAt(document, path, `expected at least ${highest}, plans stand from the lowest to the highest`),
      )
    }
    highest = Math.max(highest, price)
  }
  return problems
}

const problemAt = (document: CatalogueDocument, path: KeyPath, message: string): CatalogueProblem => ({
  line: document.lineOf(path),
  path: dotted(path),
  message,
})

function asObject(value: unknown): Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>) : {}
}

function valueAt(value: unknown, path: KeyPath): unknown {
  return path.reduce(
    (inner: unknown, key) => (Object.hasOwn(asObject(inner), key) ? asObject(inner)[key] : undefined),
    value,
  )
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value !== 'object') return JSON.stringify(value)
  return Object.keys(value).length === 0 ? 'no keys' : 'keys with values'
}
