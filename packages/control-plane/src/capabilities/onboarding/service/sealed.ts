import type { Sealer } from '@tenantry/kernel/context/dependencies'
import type { Onboarding } from '../repository.ts'

/** What is kept of an onboarding and nobody else may read. */
export type SealedColumn = 'response'

export function seal(
  sealer: Sealer,
  onboarding: Onboarding,
  { column, value }: { column: SealedColumn; value: unknown },
) {
  onboarding[column] = sealer.seal(JSON.stringify(value), contextOf(onboarding, column))
}

/** Null where nothing is kept. */
export function open<Value>(sealer: Sealer, onboarding: Onboarding, column: SealedColumn): Value | null {
  const sealed = onboarding[column]
  return sealed ? JSON.parse(sealer.open(sealed, contextOf(onboarding, column))) : null
}

const contextOf = ({ tenantId }: Onboarding, column: SealedColumn) => [tenantId, 'onboardings', column].join('|')
