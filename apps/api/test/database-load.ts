import { setTimeout as delay } from 'node:timers/promises'
import type { RunningApi } from './api-process.ts'
import type { Reply } from './http.ts'

export interface Attempt {
  key: string
  /** `ok`, the code of the refusal, or what went wrong without an answer. */
  outcome: string
  milliseconds: number
}

export interface Load {
  usage: Attempt[]
  /** The last value of each settings key that was answered 2xx. */
  acknowledgedSettings: Record<string, number>
  settings: Attempt[]
  stop(): Promise<void>
}

/** A client that is told to try again does not do so at once. */
const backOffMilliseconds = 20

/** Tracks usage and updates settings from several clients, each call once the one before is answered. */
export function startLoad(
  api: RunningApi,
  headers: Record<string, string>,
  workers: { usage: number; settings: number },
): Load {
  let stopped = false
  const usage: Attempt[] = []
  const settings: Attempt[] = []
  const acknowledgedSettings: Record<string, number> = {}

  const loop = async (attempts: Attempt[], name: string, call: (turn: number) => Promise<Reply>) => {
    for (let turn = 1; !stopped; turn += 1) {
      const startedAt = performance.now()
      const outcome = await call(turn).then(outcomeOf, (error: Error) => error.message)
      attempts.push({ key: `${name}-${turn}`, outcome, milliseconds: performance.now() - startedAt })
      if (outcome !== 'ok') await delay(backOffMilliseconds)
      else if (attempts === settings) acknowledgedSettings[name] = turn
    }
  }
  const track = (name: string) => (turn: number) =>
    api.send('/api/v1/tenants/acme/usage', {
      json: { metric: 'tokens' },
      headers: { ...headers, 'idempotency-key': `${name}-${turn}` },
    })
  const update = (name: string) => (turn: number) =>
    api.send('/api/v1/tenants/current/settings', {
      method: 'PUT',
      json: { settings: { custom: { [name]: turn } } },
      headers,
    })

  const loops = [
    ...names('usage', workers.usage).map((name) => loop(usage, name, track(name))),
    ...names('settings', workers.settings).map((name) => loop(settings, name, update(name))),
  ]
  return {
    usage,
    settings,
    acknowledgedSettings,
    stop: async () => {
      stopped = true
      await Promise.all(loops)
    },
  }
}

const names = (kind: string, count: number) => Array.from({ length: count }, (_, index) => `${kind}${index}`)
const outcomeOf = ({ status, json }: Reply) => (status < 300 ? 'ok' : `${status} ${json?.code}`)
