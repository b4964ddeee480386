import type { TenantCache } from '@tenantry/kernel/context/dependencies'
import type { CounterValue } from '../../metering/index.ts'
import { getUsage } from '../contract.ts'
import type { UsageNow } from '../repository.ts'

/** Brings the kept answer of `usage` up to what was counted, where there is one. */
export function rememberUsage(cache: TenantCache, tenantId: string, counters: readonly CounterValue[]): Promise<void> {
  return cache.update<UsageNow>(tenantId, getUsage.cached?.name ?? '', (snapshot) => {
    const isOf = (value: CounterValue) => (other: CounterValue) =>
      other.meter === value.meter && other.period === value.period
    const newer = counters.filter((value) => {
      const known = snapshot.counters.find(isOf(value))
      return known === undefined || known.revision < value.revision
    })
    const others = snapshot.counters.filter((known) => !newer.some(isOf(known)))
    return { ...snapshot, counters: [...others, ...newer] }
  })
}
