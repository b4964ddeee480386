import type { Aside } from '@tenantry/kernel/group-commit/aside'
import type { CounterValue } from '../repository/write.ts'

export interface RememberOptions {
  /** Brings caches up to what was counted; the newest values of a tenant at once, not each. */
  remember(tenantId: string, counters: readonly CounterValue[]): Promise<void>
  /** Drops what caches hold of a tenant's usage. */
  forget(tenantId: string): Promise<void>
}

/** Passes on what was counted beside those who count: of a tenant the newest of each meter at once, and not each. */
export function createRememberer(aside: Aside, { remember, forget }: RememberOptions) {
  const pending = new Map<string, Map<string, CounterValue>>()
  const unsure = new Set<string>()
  /** Null where it is not known what caches have missed. */
  return (tenantId: string, counters: readonly CounterValue[] | null): void => {
    if (counters === null) unsure.add(tenantId)
    const values = pending.get(tenantId) ?? new Map<string, CounterValue>()
    pending.set(tenantId, values)
    for (const value of counters ?? []) {
      const name = `${value.meter} ${value.period}`
      if ((values.get(name)?.revision ?? 0) < value.revision) values.set(name, value)
    }
    aside.run(`cache ${tenantId}`, async () => {
      const newest = pending.get(tenantId)
      pending.delete(tenantId)
      if (unsure.delete(tenantId)) await forget(tenantId)
      else if (newest) await remember(tenantId, [...newest.values()])
    })
  }
}
