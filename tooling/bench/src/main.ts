import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { removeAbandonedDataFolders } from '@tenantry/embedded'
import { formatResults, missedGoals, type Results } from './report.ts'
import { accessCheckRows } from './rows/access-check.ts'
import { apiKeyRows } from './rows/api-key.ts'
import { memberListRows } from './rows/member-list.ts'
import { processFigures } from './rows/process-figures.ts'
import { settingsUpdateRows } from './rows/settings-update.ts'
import { tenantCountRows } from './rows/tenant-count.ts'
import { tenantInfoRows } from './rows/tenant-info.ts'
import { usageRows } from './rows/usage.ts'
import { usageCountRows } from './rows/usage-count.ts'
import { runHeld } from './run-held.ts'

const rows = [
  ...tenantInfoRows,
  ...accessCheckRows,
  ...apiKeyRows,
  ...settingsUpdateRows,
  ...tenantCountRows,
  ...memberListRows,
  ...usageRows,
  ...usageCountRows,
]
const help = `pnpm bench [words of a row…] [--json FILE] [--strict]
Measures each row against its ceiling in the same run. Exit code 1 where a row failed; with --strict, where a goal is missed too.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, strict: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})

if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}

const isChosen = ({ name }: { name: string }) =>
  positionals.every((word) => name.toLowerCase().includes(word.toLowerCase()))
const chosen = { rows: rows.filter(isChosen), figures: processFigures.filter(isChosen) }
if (chosen.rows.length + chosen.figures.length === 0) {
  const names = [...rows, ...processFigures].map(({ name }) => `  ${name}`).join('\n')
  process.stderr.write(`No row has the words "${positionals.join(' ')}". There are:\n${names}\n`)
  process.exit(2)
}

await removeAbandonedDataFolders()
const results: Results = { rows: [], figures: [], failures: [] }

/** A row that fails is told of, and the others are still measured. */
async function attempt(name: string, work: (held: AsyncDisposableStack) => Promise<void>): Promise<void> {
  process.stderr.write(`measuring ${name} …\n`)
  try {
    await runHeld(work)
  } catch (cause) {
    const error = cause instanceof Error ? cause.message : String(cause)
    process.stderr.write(`${name} failed: ${error}\n`)
    results.failures.push({ name, error })
  }
}

await runHeld(async (kept) => {
  for (const { name, ceiling, goal, measure } of chosen.rows) {
    await attempt(name, async (held) => {
      results.rows.push({ name, goal, against: ceiling, ...(await measure(held, kept)) })
    })
  }
})
for (const { name, measure } of chosen.figures) {
  await attempt(name, async (held) => {
    results.figures.push(...(await measure(held)))
  })
}

process.stdout.write(formatResults(results))
if (values.json) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
const missed = missedGoals(results)
if (missed.length > 0) process.stderr.write(`goals missed:\n${missed.map((name) => `  ${name}`).join('\n')}\n`)
// Ended by hand: what a failed row left open must not keep the run alive.
process.exit(results.failures.length > 0 || (values.strict && missed.length > 0) ? 1 : 0)
