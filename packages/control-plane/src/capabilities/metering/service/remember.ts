import type { Aside } from '@tenantry/kernel/group-commit/aside'
import type { CounterValue } from '../repository/write.ts'

/** Passes on what was counted beside those who count: of a tenant the newest of each meter at once, and not each. */
export function createRememberer(
  aside: Aside,
  pass: (tenantId: string, counters: readonly CounterValue[]) => Promise<void>,
) {
  const pending = new Map<string, Map<string, CounterValue>>()
  return (tenantId: string, counters: readonly CounterValue[]): void => {
    const values = pending.get(tenantId) ?? new Map<string, CounterValue>()
    pending.set(tenantId, values)
    for (const value of counters) {
      const name = `${value.meter} ${value.period}`
      if ((values.get(name)?.revision ?? 0) < value.revision) values.set(name, value)
    }
    aside.run(`cache ${tenantId}`, async () => {
      const newest = pending.get(tenantId)
      pending.delete(tenantId)
      if (newest) await pass(tenantId, [...newest.values()])
    })
  }
}
