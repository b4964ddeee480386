import type { Database } from '@tenantry/kernel/context/dependencies'
import type { ExpectedDatabase } from '@tenantry/kernel/tenancy/inspection'
import { releaseCanary } from '../repository/canary.ts'
import { listAppliedMigrations, readSession } from '../repository/health.ts'
import { look } from '../repository/look.ts'
import { migrationsCheck, sessionFindings } from '../rules/health.ts'
import type { Check } from '../rules/report.ts'

export async function canaryCheck(
  database: Database,
  expected: ExpectedDatabase,
): Promise<{ attempts: number; check: Check }> {
  let tried = 0
  const check = await look(
    {
      name: 'canary',
      promise:
        'Of two throw-away tenants, and for the application as one of them, none reaches rows of another tenant.',
    },
    async () => {
      const { attempts, findings } = await releaseCanary(database, expected)
      tried = attempts
      return { found: `${attempts} attempts were made, none got through.`, findings }
    },
  )
  return { attempts: tried, check }
}

export const sessionsCheck = (database: Database): Promise<Check> =>
  look(
    {
      name: 'sessions',
      promise: 'Pooled sessions are of the serving roles, hide their statements, and keep their settings.',
    },
    async () => ({
      findings: [
        ...sessionFindings('tenantry_app', await database.rehearse('users', readSession)),
        ...sessionFindings('tenantry_platform', await database.rehearse('operators', readSession)),
      ],
    }),
  )

export const migrationsApplied = (database: Database, known: readonly string[]): Promise<Check> =>
  look(
    { name: 'migrations', promise: 'The database has every migration of this version, and none of a later one.' },
    async () => migrationsCheck(await database.rehearse('users', listAppliedMigrations), known),
  )
