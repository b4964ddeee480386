import type { Rehearsal } from '@tenantry/kernel/context/dependencies'
import { isOutage } from '@tenantry/kernel/errors/outage'
import type { Check } from '../rules/report.ts'

type Named = Pick<Check, 'name' | 'promise'>
type Looking = () => Promise<Omit<Check, keyof Named>>

/**
 * What cannot be looked at is a finding too: whatever is broken must not keep the rest from being told. Throws where the
 * database could not be asked.
 */
export async function look(named: Named, looking: Looking): Promise<Check> {
  try {
    return { ...named, ...(await looking()) }
  } catch (error) {
    if (isOutage(error)) throw error
    const message = `It could not be looked at: ${(error as Error).message}.`
    return { ...named, findings: [{ subject: named.name, message }] }
  }
}

/** The same in the middle of a transaction, which goes on. */
export async function lookWithin({ query }: Rehearsal, named: Named, looking: Looking): Promise<Check> {
  await query('savepoint looking')
  const check = await look(named, looking)
  await query('rollback to savepoint looking')
  return check
}
