import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CatalogueError, loadCatalogue, parseCatalogue } from './catalogue.ts'

const defaultText = readFileSync(new URL('../../../../catalogue/default.yaml', import.meta.url), 'utf8')

function edited(edits: [find: string, replace: string][]): string {
  return edits.reduce((text, [find, replace]) => {
    expect(text).toContain(find)
    return text.replace(find, replace)
  }, defaultText)
}

function errorOf(text: string): CatalogueError {
  try {
    parseCatalogue(text, 'plans.yaml')
  } catch (error) {
    if (error instanceof CatalogueError) return error
    throw error
  }
  return expect.fail('expected a CatalogueError')
}

test('all faults of a file are reported at once, in the order of its lines', () => {
  const { message, problems } = errorOf(
    edited([
      ['currency: USD\n', 'currency: USD\ncolour: red\n'],
      ['kind: concurrency', 'kind: slots'],
      ['[80, 90, 100]', '[90, 80]'],
      ['users: 5\n', 'users: -2\n'],
      ['    title: Starter\n', '    title: Starter\n    title: Again\n'],
      ['Micros: 29_000_000', 'Micros: -1'],
      ['except: [sso,', 'except: [ssso,'],
    ]),
  )
  const paths = [
    'colour',
    'meters.concurrent_pipelines.kind',
    'defaults.alertThresholds',
    'plans.free.limits.users',
    'plans.starter.title',
    'plans.starter.monthlyPriceMicros',
    'plans.business.features.except.0',
  ]
  expect(problems.map(({ path }) => path)).toEqual(paths)
  const said = message.split('\n').slice(1)
  expect(said).toEqual(problems.map(({ line, path, message }) => `  plans.yaml:${line} ${path}: ${message}`))
})

test('a key that stands twice is reported with both lines', () => {
  const text = edited([['    title: Starter\n', '    title: Starter\n    title: Again\n']])
  const first = text.slice(0, text.indexOf('title: Starter')).split('\n').length
  expect(errorOf(text).problems).toEqual([
    {
      line: first + 1,
      path: 'plans.starter.title',
      message: `expected each key once, this one stands on line ${first} too`,
    },
  ])
})

test('an alias is refused where it stands', () => {
  const text = edited([
    ['features: [basic_chat,', 'features: &basic [basic_chat,'],
    ['features: all\n', 'features: *basic\n'],
  ])
  const line = text.slice(0, text.indexOf('*basic')).split('\n').length
  expect(errorOf(text).message).toContain(`plans.yaml:${line} plans.enterprise.features: expected the value itself`)
})

test('a file without meters is one fault, not one per limit', () => {
  const without =
    defaultText.slice(0, defaultText.indexOf('\nmeters:')) + defaultText.slice(defaultText.indexOf('\nfeatures:'))
  expect(errorOf(without).problems).toEqual([
    { line: 1, path: 'meters', message: 'expected meters by name, found nothing' },
  ])
  const { problems } = errorOf(without.replace('\nfeatures:', '\nmeters: {}\nfeatures:'))
  expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    'meters: expected at least one meter, found no keys',
  ])
})

test('a file without plans is refused', () => {
  const without = defaultText.slice(0, defaultText.indexOf('\nplans:'))
  expect(errorOf(without).message).toContain('plans: expected plans by name')
  expect(errorOf(`${without}\nplans: {}\n`).message).toContain('plans: expected at least one plan')
})

test.each([
  ['nothing', '', 'plans.yaml:1: expected keys with values, found nothing'],
  ['a list', '- free', 'plans.yaml:1: expected keys with values, found a list'],
  ['broken YAML', 'currency: USD\nplans: [free', 'plans.yaml:2: expected YAML'],
  ['a tag that YAML does not know', 'currency: !money USD', 'plans.yaml:1: expected YAML: Unresolved tag'],
  ['two documents', 'currency: USD\n---\ncurrency: EUR', 'expected YAML'],
  ['keys that are maps', '? { a: 1 }\n: 2', 'plans.yaml:1: expected a plain key'],
])('a file of %s is refused', (_content, text, says) => {
  expect(errorOf(text).message).toContain(says)
})

test('a file that cannot be read is refused by name and reason', () => {
  expect(() => loadCatalogue('/nowhere/plans.yaml')).toThrow(CatalogueError)
  expect(() => loadCatalogue('/nowhere/plans.yaml')).toThrow(
    '/nowhere/plans.yaml: expected a file that can be read (ENOENT',
  )
})

test("an operator's own file takes the place of the default one", () => {
  const folder = mkdtempSync(join(tmpdir(), 'catalogue-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'plans.yaml')
  writeFileSync(file, edited([['users: 5\n', 'users: 7\n']]))
  expect(loadCatalogue(file).plan('free')?.limits.users).toBe(7)
})
