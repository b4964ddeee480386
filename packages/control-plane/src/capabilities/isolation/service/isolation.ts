import type { Actor } from '@tenantry/kernel/context/actor'
import type { Clock } from '@tenantry/kernel/context/clock'
import type { Database } from '@tenantry/kernel/context/dependencies'
import type { DetachedPlatformContext } from '@tenantry/kernel/context/request-context'
import { codeFingerprint } from '@tenantry/kernel/tenancy/declarations'
import type { ExpectedDatabase } from '@tenantry/kernel/tenancy/inspection'
import { countExamined, readServer } from '../repository/health.ts'
import { type IsolationReport, reportOf } from '../rules/report.ts'
import { catalogueChecks, type OwnersView } from './catalogue.ts'
import { healthChecks } from './health.ts'
import { canaryCheck, migrationsApplied, sessionsCheck } from './sessions.ts'

export interface IsolationParts {
  database: Database
  clock: Clock
  expected: ExpectedDatabase
  /** Names of the migrations of this version. */
  migrations: readonly string[]
  version: string
}

export interface Isolation {
  /** Looks at the live database and changes nothing. With the owner's view it believes no record. */
  examine(actor: Actor, owner?: OwnersView): Promise<IsolationReport>
}

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    isolation: Isolation
  }
}

export const report = ({ services, actor }: DetachedPlatformContext): Promise<IsolationReport> =>
  services.isolation.examine(actor)

/** Who asks while a report is being made gets that one: it holds connections, and looks at the same. */
export function createIsolation(parts: IsolationParts): Isolation {
  let running: Promise<IsolationReport> | undefined
  return {
    examine: (actor, owner) => {
      if (owner) return examine(parts, actor, owner)
      running ??= examine(parts, actor).finally(() => {
        running = undefined
      })
      return running
    },
  }
}

async function examine(parts: IsolationParts, actor: Actor, owner?: OwnersView): Promise<IsolationReport> {
  const { database, clock, expected, version } = parts
  const { counts, check: canary } = await canaryCheck(database, expected)
  const sessions = await sessionsCheck(database)
  const migrations = await migrationsApplied(database, parts.migrations)
  return database.rehearse('operators', async (rehearsal) => {
    await rehearsal.as({ operator: actor })
    const server = await readServer(rehearsal)
    const health = await healthChecks(rehearsal, { server, pool: database.pool() })
    const catalogue = await catalogueChecks(rehearsal, { expected, serverMajor: server.major, owner })
    const roles = expected.roles.login.length + expected.roles.function.length
    const flown = { canaryAttempts: counts.attempts, canaryHidden: counts.met, canaryRefused: counts.refused }
    const examined = { ...(await countExamined(rehearsal)), roles, ...flown }
    const { id, name, version: serverVersion } = server
    const setting = { at: clock.now(), version, codeFingerprint: codeFingerprint(expected) }
    const checks = [...catalogue, sessions, canary, migrations, ...health]
    return reportOf({ ...setting, database: { id, name, serverVersion } }, examined, checks)
  })
}
