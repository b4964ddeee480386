import type { RequestContext } from '../../context/request-context.ts'

/** Starts the clock of a call; the answer to be given when it has ended. */
export function observe(
  { dependencies, logger, answered }: RequestContext,
  operation: string,
): (status: number, tenantId?: string) => void {
  const startedAt = performance.now()
  return (status, tenantId) => {
    const milliseconds = performance.now() - startedAt
    dependencies.metrics.operation(operation, status, milliseconds / 1000)
    answered?.({ operation, tenantId: tenantId ?? null })
    logger.debug({ operation, status, milliseconds: Math.round(milliseconds) }, 'operation')
  }
}
