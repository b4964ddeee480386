import type { Issue } from '@tenantry/kernel/errors/app-error'
import type { CatalogueReading, PlanCatalogue } from '../../plan/index.ts'
import { catalogueErrors } from '../contract.ts'

/** Throws `catalogue.invalid` with every fault. */
export function mustBeValid(reading: CatalogueReading): PlanCatalogue {
  if ('catalogue' in reading) return reading.catalogue
  const issues = reading.problems.map(({ line, path, message }) => ({
    path,
    message: line === null ? message : `Line ${line}: ${message}`,
  }))
  throw catalogueErrors.invalid({ issues })
}

/** Throws `catalogue.in_use` with the number of tenants for each name. */
export function refuseInUse(used: Record<'plans' | 'meters', ReadonlyMap<string, number>>): void {
  const issues = Object.entries(used).flatMap(([kind, counts]) =>
    [...counts].map(
      ([name, tenants]): Issue => ({ path: `${kind}.${name}`, message: `Tenants that use it: ${tenants}.` }),
    ),
  )
  if (issues.length > 0) throw catalogueErrors.in_use({ issues })
}
