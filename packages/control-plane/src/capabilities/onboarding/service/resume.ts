import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { Sequence } from '@tenantry/kernel/context/request-context'
import { openSequence } from '@tenantry/kernel/trpc/sequence'
import { listUnfinished, type Onboarding } from '../repository.ts'
import { nameOf } from './create.ts'
import { provision } from './provision.ts'

const operation = 'onboarding.resume'

/** Whoever is at work on a younger one will most likely end it. */
const graceMilliseconds = 10_000
const atOnce = 5

/**
 * Goes on with what was cut short, on behalf of who asked for it. One that fails is logged and tried again with the next
 * call; the others are not held up.
 */
export async function resumeOnboardings(dependencies: Dependencies): Promise<{ resumed: number; failed: number }> {
  const { clock, logger } = dependencies
  const startedBefore = new Date(clock.now().getTime() - graceMilliseconds)
  const job = sequenceFor(dependencies, { actor: { type: 'system', name: operation }, requestId: operation })
  const unfinished = await job.unit.platform(({ em }) => listUnfinished(em, startedBefore, atOnce))
  const outcomes = await Promise.allSettled(
    unfinished.map((onboarding) => {
      const sequence = sequenceFor(dependencies, onboarding)
      return sequence.exclusively(nameOf(onboarding), () => provision(sequence, onboarding, 'is gone'))
    }),
  )
  const failures = outcomes.flatMap((outcome, place) =>
    outcome.status === 'rejected' ? [{ err: outcome.reason, tenantId: unfinished[place]?.tenantId }] : [],
  )
  for (const failure of failures) logger.error(failure, 'an onboarding could not be resumed; it will be tried again')
  const resumed = outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value !== null).length
  return { resumed, failed: failures.length }
}

const sequenceFor = (
  dependencies: Dependencies,
  { actor, requestId }: Pick<Onboarding, 'actor' | 'requestId'>,
): Sequence =>
  openSequence({
    dependencies,
    actor,
    requestId,
    client: { address: null, userAgent: null },
    logger: dependencies.logger.child({ requestId }),
    operation,
  })
