import type { AppRouter, InferOutputs, TenantryClient, TenantryError } from '@tenantry/shared/http'
import { expect, onTestFinished } from 'vitest'

type Watched = InferOutputs<AppRouter>['events']['watch'] extends AsyncIterable<infer Item> ? Item : never

export interface EventListener {
  items: Watched[]
  /** Every connection state, oldest first. */
  states: string[]
  errors: TenantryError[]
  ended(): boolean
  /** Types of the items, as soon as there are so many. */
  types(count: number): Promise<string[]>
  leave(): void
}

/** Watches until the test is over. */
export function listenBy(client: TenantryClient, input: { lastEventId?: string } = {}): EventListener {
  const listener = { items: [] as Watched[], states: [] as string[], errors: [] as TenantryError[] }
  let ended = false
  const subscription = client.events.watch.subscribe(input, {
    onData: (item) => void listener.items.push(item),
    onConnectionStateChange: ({ state }) => void listener.states.push(state),
    onError: (error) => void listener.errors.push(error as TenantryError),
    onComplete: () => {
      ended = true
    },
  })
  onTestFinished(() => subscription.unsubscribe())
  return {
    ...listener,
    ended: () => ended,
    types: async (count) => {
      await expect.poll(() => listener.items.length, { timeout: 15_000 }).toBeGreaterThanOrEqual(count)
      return listener.items.map(({ data }) => data.type)
    },
    leave: () => subscription.unsubscribe(),
  }
}
