import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { TestDatabase } from '../../testing-database.ts'
import type { UsageItem } from './rules/batch.ts'

export interface WriterOrder {
  items: UsageItem[]
}

export type WriterReport = 'ready' | 'done' | { index: number; outcome: string }

/** A process that counts. */
export interface Writer {
  /** Sends all at once; resolves with the outcomes in their order, or with those that were reported before it was killed. */
  write(items: UsageItem[]): Promise<(string | undefined)[]>
  /** Resolves when so many outcomes of the running order are reported. */
  reported(count: number): Promise<void>
  kill(): void
  close(): Promise<void>
}

export async function startWriter({ urls, signingKey }: TestDatabase): Promise<Writer> {
  const settings = {
    TENANTRY_APP_URL: urls.tenantry_app,
    TENANTRY_PLATFORM_URL: urls.tenantry_platform,
    TENANTRY_SIGNING_KEY: signingKey.secret.toString('hex'),
  }
  const script = fileURLToPath(new URL('./writer-process.fixture.ts', import.meta.url))
  const child = fork(script, [JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await once(child, 'message')
  return {
    write: (items) => order(child, items),
    reported: (count) =>
      new Promise((resolve) => {
        let seen = 0
        child.on('message', () => {
          seen += 1
          if (seen === count) resolve()
        })
      }),
    kill: () => child.kill('SIGKILL'),
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

function order(child: ChildProcess, items: UsageItem[]): Promise<(string | undefined)[]> {
  const outcomes: (string | undefined)[] = items.map(() => undefined)
  return new Promise((resolve) => {
    const end = () => {
      child.off('message', onReport)
      child.off('exit', end)
      resolve(outcomes)
    }
    const onReport = (report: WriterReport) => {
      if (report === 'done') end()
      else if (report !== 'ready') outcomes[report.index] = report.outcome
    }
    child.on('message', onReport)
    child.on('exit', end)
    child.send({ items } satisfies WriterOrder)
  })
}

const month = '2026-11-01'

/** What one tenant uses of a counter in one month. */
export const itemOf = (given: Pick<UsageItem, 'tenantId' | 'amount'> & Partial<UsageItem>): UsageItem => ({
  meter: 'tokens',
  period: month,
  span: month,
  isCurrent: true,
  id: newId(),
  key: null,
  mode: 'consume',
  sequence: null,
  day: '2026-11-21',
  occurredAt: new Date('2026-11-21T10:00:00Z'),
  properties: null,
  ...given,
})
