import { toAppError } from '../../errors/to-trpc-error.ts'
import { t } from '../init.ts'

export const logging = t.middleware(async ({ ctx, next, path }) => {
  const startedAt = performance.now()
  const result = await next()
  const seconds = (performance.now() - startedAt) / 1000
  const status = result.ok ? 200 : toAppError(result.error).status
  ctx.dependencies.metrics.operation(path, status, seconds)
  ctx.logger.debug({ operation: path, status, milliseconds: Math.round(seconds * 1000) }, 'operation')
  return result
})
