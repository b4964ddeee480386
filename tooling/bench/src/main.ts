import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import type { Comparison, Row } from './row.ts'
import { tenantInfoRows } from './rows/tenant-info.ts'

const rows: Row[] = [...tenantInfoRows]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
})

if (values.help) {
  process.stdout.write(
    'pnpm bench [words of a row…] [--json FILE]\nMeasures each row against its ceiling in the same run.\n',
  )
  process.exit(0)
}

const chosen = rows.filter(({ name }) => positionals.every((word) => name.toLowerCase().includes(word.toLowerCase())))
if (chosen.length === 0) {
  process.stderr.write(
    `No row has the words "${positionals.join(' ')}". There are:\n${rows.map(({ name }) => `  ${name}`).join('\n')}\n`,
  )
  process.exit(2)
}

const results: (Comparison & { name: string; goal: number; against: string })[] = []
for (const { name, ceiling, goal, measure } of chosen) {
  process.stderr.write(`measuring ${name} …\n`)
  results.push({ name, goal, against: ceiling, ...(await measure()) })
}

const line = (cells: string[]) => `| ${cells.join(' | ')} |`
const perSecond = (value: number) => Math.round(value).toLocaleString('en')
process.stdout.write(
  `${[
    line(['what', 'per second', 'p50 ms', 'p99 ms', 'ceiling per second', 'ratio', 'goal']),
    line(Array(7).fill('---')),
    ...results.map(({ name, subject, ceiling, ratio, goal }) =>
      line([
        name,
        perSecond(subject.requestsPerSecond),
        subject.p50Milliseconds.toFixed(1),
        subject.p99Milliseconds.toFixed(1),
        perSecond(ceiling.requestsPerSecond),
        ratio.toFixed(2),
        `≥ ${goal}`,
      ]),
    ),
  ].join('\n')}\n`,
)
if (values.json) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
