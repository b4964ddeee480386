import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseCatalogue } from './catalogue.ts'

const defaultText = readFileSync(new URL('../../../../catalogue/default.yaml', import.meta.url), 'utf8')

const withSource = (meter: string, source: string) =>
  parseCatalogue(defaultText.replace(`\n  ${meter}:\n`, `\n  ${meter}:\n    source: ${source}\n`), 'plans.yaml').meters[
    meter
  ]?.source

test('a meter names the table and the column that say what was used, and when', () => {
  expect(parseCatalogue(defaultText, 'plans.yaml').meters.tokens?.source).toBeNull()
  expect(
    withSource('tokens', '{ table: conversations, aggregate: sum, column: total_tokens, at: created_at }'),
  ).toEqual({ table: 'conversations', aggregate: 'sum', column: 'total_tokens', at: 'created_at' })
  expect(withSource('conversations', '{ table: conversations, aggregate: count }')).toEqual({
    table: 'conversations',
    aggregate: 'count',
    column: null,
    at: null,
  })
})

// What is wrong, the edit of the default catalogue that makes it so, and what is said of it.
const faults: [fault: string, find: string, replace: string, says: string][] = [
  [
    'a source of a table that needs quotes',
    '  tokens:\n    kind: counter\n',
    '  tokens:\n    kind: counter\n    source: { table: "Conversations; drop", aggregate: count, at: created_at }\n',
    'meters.tokens.source.table: expected the name of a table in lower case such as conversations, found "Conversations; drop"',
  ],
  [
    'a source whose table is in another schema',
    '  tokens:\n    kind: counter\n',
    '  tokens:\n    kind: counter\n    source: { table: public.conversations, aggregate: count, at: created_at }\n',
    'meters.tokens.source.table: expected the name of a table in lower case such as conversations, found "public.conversations"',
  ],
  [
    'a source that sums up nothing',
    '  tokens:\n    kind: counter\n',
    '  tokens:\n    kind: counter\n    source: { table: conversations, aggregate: sum, at: created_at }\n',
    'meters.tokens.source.column: expected the name of a column in lower case such as created_at, found nothing',
  ],
  [
    'a source that counts a column',
    '  tokens:\n    kind: counter\n',
    '  tokens:\n    kind: counter\n    source: { table: conversations, aggregate: count, column: id, at: created_at }\n',
    'meters.tokens.source.column: unknown key, expected one of the keys aggregate, table, at',
  ],
  [
    'a source with SQL in a column',
    '  tokens:\n    kind: counter\n',
    '  tokens:\n    kind: counter\n    source: { table: conversations, aggregate: sum, column: "total_tokens) --", at: created_at }\n',
    'meters.tokens.source.column: expected the name of a column in lower case such as created_at, found "total_tokens) --"',
  ],
  [
    'a source of an aggregate that does not exist',
    '  tokens:\n    kind: counter\n',
    '  tokens:\n    kind: counter\n    source: { table: conversations, aggregate: average }\n',
    'meters.tokens.source.aggregate: expected one of count, sum, found "average"',
  ],
  [
    'a source of a monthly counter that does not say when',
    '  tokens:\n    kind: counter\n',
    '  tokens:\n    kind: counter\n    source: { table: conversations, aggregate: count }\n',
    'meters.tokens.source: expected at, the column that says in which period a row counts',
  ],
  [
    'a source of a gauge that says when',
    '  storage:\n',
    '  storage:\n    source: { table: files, aggregate: sum, column: size, at: created_at }\n',
    'meters.storage.source.at: unknown key, expected one of the keys aggregate, table, column',
  ],
  [
    'a source of a meter that is counted from rows of ours',
    '    countedFrom: teams\n',
    '    countedFrom: teams\n    source: { table: groups, aggregate: count }\n',
    'meters.teams.source: expected no source: the meter is counted from "teams"',
  ],
  [
    'a source of slots',
    'kind: concurrency\n',
    'kind: concurrency\n    source: { table: runs, aggregate: count }\n',
    'meters.concurrent_pipelines.source: unknown key',
  ],
  [
    'a source of a counter without an end that says when',
    '    period: month\n    unit: tokens\n',
    '    period: total\n    unit: tokens\n    source: { table: conversations, aggregate: count, at: created_at }\n',
    'meters.tokens.source: expected no at: all rows count in a period that never ends',
  ],
]

test.each(faults)('%s is refused by its key', (_fault, find, replace, says) => {
  const text = defaultText.replace(find, replace)
  expect(text).not.toBe(defaultText)
  expect(() => parseCatalogue(text, 'plans.yaml')).toThrow(` ${says}`)
})
