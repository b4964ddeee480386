import { AppError } from '@tenantry/kernel/errors/app-error'
import { poolerErrorCode } from '@tenantry/kernel/tenancy/pinned-settings'
import { ConfigurationError } from './environment.ts'

/** What the person who started the process reads; a stack only where nobody foresaw the failure. */
export function explainFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const foreseen = error instanceof ConfigurationError || error instanceof AppError || error.name === 'CatalogueError'
  if (foreseen) return error.message
  return explainDatabase(error) ?? error.stack ?? error.message
}

/** Wrong credentials or rights, no such database, out of connections, shutting down or starting. */
const refusal = /^(?:28...|3D000|42501|53...|57P..)$/
/** No such table, schema or function; or what the job queue says of its own. */
const notMigrated = /^(?:42P01|3F000|42883)$|^pg-boss (?:is not installed|database requires migrations)/
const unreachable = /^(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/

function explainDatabase(error: Error): string | null {
  const { code = '', message, cause } = error as NodeJS.ErrnoException
  // Of a name with several addresses each one was tried; the error about all of them has no message.
  const said = message || (error instanceof AggregateError ? String(error.errors[0]?.message) : code)
  if (notMigrated.test(code) || notMigrated.test(message))
    return 'The database is not migrated. Run pnpm migrate first.'
  if (refusal.test(code)) return `PostgreSQL refused: ${said}`
  if (code === poolerErrorCode) return message
  if (/^unsupported startup parameter/.test(message))
    return `PostgreSQL is reached through a pooler (${message}). Say so: DATABASE_POOLER=pgbouncer.`
  if (unreachable.test(code)) return `PostgreSQL cannot be reached: ${said}`
  return cause instanceof Error ? explainDatabase(cause) : null
}
