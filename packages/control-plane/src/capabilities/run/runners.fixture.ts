import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { TestDatabase } from '../../testing-database.ts'
import type { UsageItem } from '../metering/index.ts'

/** What each of two at once in a process does so many times. */
export interface RunnerOrder {
  tenantId: string
  attempts: number
  leaseSeconds: number
  heartbeats: number
  /** How each run ends; null leaves it to its lease. */
  outcome: 'succeeded' | 'failed' | 'not_started' | null
  /** How far the looks at its clock are apart; 0 is the clock of the machine. */
  clockSpreadMilliseconds: number
}

export type RunnerReport = 'ready' | { started: string } | { outcomes: string[] }

/** A process that runs what it is told. */
export interface Runner {
  /** What became of each attempt: how it ended, or the meter that was in the way. */
  run(order: RunnerOrder): Promise<string[]>
  /** Resolves with the id of the next run that it started. */
  started(): Promise<string>
  kill(): Promise<void>
  close(): Promise<void>
}

export async function startRunner({ urls, signingKey }: TestDatabase): Promise<Runner> {
  const settings = {
    TENANTRY_APP_URL: urls.tenantry_app,
    TENANTRY_PLATFORM_URL: urls.tenantry_platform,
    TENANTRY_SIGNING_KEY: signingKey.secret.toString('hex'),
  }
  const script = fileURLToPath(new URL('./run-process.fixture.ts', import.meta.url))
  const child = fork(script, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await once(child, 'message')
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    run: async (order) => {
      child.send(order)
      return (await reported(child, 'outcomes')).outcomes
    },
    started: async () => (await reported(child, 'started')).started,
    kill,
    close: kill,
  }
}

function reported<Name extends 'outcomes' | 'started'>(child: ChildProcess, name: Name) {
  type Report = Extract<RunnerReport, Record<Name, unknown>>
  return new Promise<Report>((resolve, reject) => {
    child.on('exit', () => reject(new Error('The process has ended')))
    child.on('message', (report: RunnerReport) => {
      if (typeof report === 'object' && name in report) resolve(report as Report)
    })
  })
}

/** What one run takes of a month. */
export const itemOf = (tenantId: string, id: string): UsageItem => ({
  tenantId,
  meter: 'pipeline_runs',
  period: '2026-11-01',
  span: '2026-11-01',
  isCurrent: true,
  id,
  key: null,
  amount: 1,
  mode: 'consume',
  sequence: null,
  day: '2026-11-21',
  occurredAt: new Date('2026-11-21T10:00:00Z'),
  properties: null,
})
