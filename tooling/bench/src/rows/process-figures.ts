import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { apiScript, openApi } from '../api.ts'
import { useDataFolder } from '../data-folder.ts'
import { sendRequests } from '../load.ts'
import { startServer } from '../process.ts'
import type { Figure, FigureRow } from '../row.ts'

export const processFigures: FigureRow[] = [
  { name: 'cold start', measure: measureStart },
  { name: 'memory', measure: measureMemory },
]

const starts = 3
const requests = 60_000
const goalMegabytes = 200
/** Room for what a collector leaves lying about; what leaks grows by more. */
const goalGrowth = 1.1

async function measureStart(held: AsyncDisposableStack): Promise<Figure[]> {
  const environment = { DATA_DIR: await useDataFolder(held) }
  const server = { script: apiScript, ready: '/readyz', environment }
  await (await startServer(held, server)).stop()
  const seconds: number[] = []
  for (let start = 0; start < starts; start++) {
    const { startMilliseconds, stop } = await startServer(held, server)
    seconds.push(startMilliseconds / 1_000)
    await stop()
  }
  seconds.sort((left, right) => left - right)
  const value = seconds[Math.floor(starts / 2)] ?? Number.NaN
  return [{ name: `cold start to first answer, existing database, median of ${starts}`, value, unit: 's', goal: 3 }]
}

/** Of the API's own process; PostgreSQL has processes of its own. */
async function measureMemory(held: AsyncDisposableStack): Promise<Figure[]> {
  const { origin, pid, headers } = await openApi(held)
  const target = { url: `${origin}/api/v1/tenants/current`, headers }
  const half = requests / 2
  const rest = await residentMegabytes(pid)
  await sendRequests(target, half)
  const middle = await residentMegabytes(pid)
  await sendRequests(target, half)
  const end = await residentMegabytes(pid)
  const memory = (when: string, value: number) => ({ name: `memory ${when}`, value, unit: 'MB', goal: goalMegabytes })
  const count = (value: number) => value.toLocaleString('en')
  return [
    memory('at rest', rest),
    memory(`after ${count(half)} requests`, middle),
    memory(`after ${count(requests)} requests`, end),
    { name: 'memory, growth over the second half', value: end / middle, unit: '×', goal: goalGrowth },
  ]
}

async function residentMegabytes(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])
  return (Number(stdout) * 1_024) / 1_000_000
}
