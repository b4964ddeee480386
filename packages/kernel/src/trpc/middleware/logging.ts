import type { RequestContext } from '../../context/request-context.ts'

/** Starts the clock of a call; the answer to be given when it has ended. */
export function observe({ dependencies, logger }: RequestContext, operation: string): (status: number) => void {
  const startedAt = performance.now()
  return (status) => {
    const milliseconds = performance.now() - startedAt
    dependencies.metrics.operation(operation, status, milliseconds / 1000)
    logger.debug({ operation, status, milliseconds: Math.round(milliseconds) }, 'operation')
  }
}
