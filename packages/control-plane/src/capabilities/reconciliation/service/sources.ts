import type { Actor } from '@tenantry/kernel/context/actor'
import type { Database } from '@tenantry/kernel/context/dependencies'
import type { ReadTenant } from '@tenantry/kernel/context/request-context'
import type { Meter, MeterSource } from '../../plan/index.ts'
import { factsOf, type NamedFacts } from '../repository.ts'
import { sourceFault } from '../rules/source-faults.ts'

export interface RefusedSource {
  meter: string
  table: string
  reason: string
}

/** Reads what the tables of a product say of its tenants. */
export interface UsageSources {
  /** Those that must not be read, and why. */
  refused(actor: Actor, meters: readonly Meter[]): Promise<RefusedSource[]>
  /** As the application itself, under the signed context of that tenant. */
  reading(tenantId: string): ReadTenant
}

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    usageSources: UsageSources
  }
}

export function createUsageSources({ database }: { database: Database }): UsageSources {
  return {
    refused: async (actor, meters) => {
      const declared = meters.flatMap(({ key, source }) => (source === null ? [] : [{ meter: key, source }]))
      if (declared.length === 0) return []
      const tables = declared.map(({ source }) => source.table)
      const facts = await database.platformRead<NamedFacts>(actor, factsOf(tables))
      return declared.flatMap(({ meter, source }) => refusalOf(meter, source, facts))
    },
    reading: (tenantId) => (query, values) => database.tenantRead({ tenantId }, query, values),
  }
}

function refusalOf(meter: string, source: MeterSource, facts: readonly NamedFacts[]): RefusedSource[] {
  const reason = sourceFault(source, facts.find(({ name }) => name === source.table) ?? null)
  return reason === null ? [] : [{ meter, table: source.table, reason }]
}
