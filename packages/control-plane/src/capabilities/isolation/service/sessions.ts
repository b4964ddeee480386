import type { Database } from '@tenantry/kernel/context/dependencies'
import type { ExpectedDatabase } from '@tenantry/kernel/tenancy/inspection'
import type { Flight } from '../repository/attempts.ts'
import { releaseCanary } from '../repository/canary.ts'
import { listAppliedMigrations, readSession } from '../repository/health.ts'
import { look } from '../repository/look.ts'
import { migrationsCheck, sessionFindings } from '../rules/health.ts'
import type { Check } from '../rules/report.ts'

type Counts = Omit<Flight, 'findings'>

export async function canaryCheck(
  database: Database,
  expected: ExpectedDatabase,
): Promise<{ counts: Counts; check: Check }> {
  let counts = { attempts: 0, met: 0, refused: 0 }
  const check = await look(
    {
      name: 'canary',
      promise:
        'Of two throw-away tenants, and for the application as one of them, each reaches its own rows and none of another tenant.',
    },
    async () => {
      const { findings, ...counted } = await releaseCanary(database, expected)
      counts = counted
      const { attempts, met, refused } = counts
      const seen = `${met} had a row before them that stayed hidden, ${refused} were refused by a policy`
      return { found: `${attempts} attempts were made, none got through: ${seen}.`, findings }
    },
  )
  return { counts, check }
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
