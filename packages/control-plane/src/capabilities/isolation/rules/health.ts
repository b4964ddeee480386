import type { Check, Found } from './report.ts'

type Seen = Pick<Check, 'found' | 'findings'>

const oldestServer = 15
const newestServer = 18
const crowdedShare = 0.8

export function versionCheck(server: { version: string; major: number }): Seen {
  const subject = `PostgreSQL ${server.version}`
  const findings: Found[] = []
  if (server.major < oldestServer)
    findings.push({ subject, message: `Nothing was ever tried on it: upgrade to ${oldestServer} to ${newestServer}.` })
  if (server.major > newestServer)
    findings.push({ subject, message: `It is newer than what was tried, ${newestServer}.`, severity: 'warning' })
  return {
    found: `${subject}.`,
    findings,
  }
}

export function migrationsCheck(applied: readonly string[], known: readonly string[]): Seen {
  const pending = known.filter((name) => !applied.includes(name))
  const unknown = applied.filter((name) => !known.includes(name))
  return {
    found: `${applied.length} are applied.`,
    findings: [
      ...pending.map((name) => ({ subject: `migration ${name}`, message: 'It has not run: run the migrations.' })),
      ...unknown.map((name) => ({
        subject: `migration ${name}`,
        message: 'This version does not know it: replace this process by one of the version that ran it.',
        severity: 'warning' as const,
      })),
    ],
  }
}

export function signingKeysCheck(keys: readonly { kid: string; retiresSoon: boolean; signs: boolean }[]): Seen {
  const findings: Found[] = []
  if (!keys.some(({ signs }) => signs)) {
    const message =
      'The database does not accept what this process signs: run the migrations with its CONTEXT_SIGNING_KEYS.'
    findings.push({ subject: 'signing keys', message })
  }
  if (keys.length > 2) {
    const message = `${keys.length} are valid, and each can sign as any tenant: run the migrations with the one or two that are used.`
    findings.push({ subject: 'signing keys', message, severity: 'warning' })
  }
  if (keys.length > 0 && keys.every(({ retiresSoon }) => retiresSoon)) {
    const message = 'All that are valid retire within a week, and nobody is served after that: rotate to a new one.'
    findings.push({ subject: 'signing keys', message, severity: 'warning' })
  }
  return {
    found: `Valid: ${keys.map(({ kid, signs }) => (signs ? `${kid} (signs)` : kid)).join(', ')}.`,
    findings,
  }
}

export function connectionsCheck(
  server: { connections: number; connectionLimit: number; name: string },
  pool: { total: number; idle: number; waiting: number; size: number },
  limits: readonly { subject: string; limit: number }[],
): Seen {
  const findings: Found[] = limits
    .filter(({ limit }) => limit < pool.size)
    .map(({ subject, limit }) => ({
      subject,
      message: `It is limited to ${limit} connections, fewer than one pool may open (${pool.size}): raise the limit, or lower DATABASE_POOL_SIZE.`,
    }))
  const subject = `database ${server.name}`
  if (server.connections > server.connectionLimit * crowdedShare) {
    const message = `${server.connections} of ${server.connectionLimit} connections are taken: raise max_connections, lower DATABASE_POOL_SIZE, or put PgBouncer before it.`
    findings.push({ subject, message, severity: 'warning' })
  }
  if (pool.waiting > 0) {
    const message = `${pool.waiting} calls wait for a connection of this process: raise DATABASE_POOL_SIZE.`
    findings.push({ subject, message, severity: 'warning' })
  }
  return {
    found: `${server.connections} of ${server.connectionLimit} on the server; ${pool.total - pool.idle} of ${pool.size} at work in this pool.`,
    findings,
  }
}

export function replicationCheck(
  server: { inRecovery: boolean; name: string },
  slots: readonly { name: string; active: boolean; status: string | null }[],
): Seen {
  const findings: Found[] = slots
    .filter(({ active, status }) => !active || status === 'lost' || status === 'unreserved')
    .map(({ name, active, status }) => ({
      subject: `replication slot ${name}`,
      message: active
        ? `It is ${status}: its reader is too far behind. Make it anew.`
        : 'Nobody reads it, and the server keeps what it has not sent: start its reader, or drop the slot.',
      severity: 'warning',
    }))
  if (server.inRecovery) {
    const message = 'It is a standby, and takes no writes: connect to the primary.'
    findings.push({ subject: `database ${server.name}`, message })
  }
  return {
    found: slots.length === 0 ? 'A primary without replication slots.' : `A primary with ${slots.length} readers.`,
    findings,
  }
}

/** What a pooled session of a serving role really is, whatever its role was altered to. */
export function sessionFindings(
  role: string,
  state: { user: string; trackActivities: string; rowSecurity: string; standardStrings: string } | undefined,
): Found[] {
  const subject = `sessions of ${role}`
  const messages = [
    state?.user !== role && `They are of ${state?.user}: let the URL sign in as ${role}.`,
    state?.trackActivities !== 'off' && `They show their statements: alter role ${role} set track_activities = off.`,
    (state?.rowSecurity !== 'on' || state.standardStrings !== 'on') &&
      'They have other settings than they were started with: is there a pooler? See “PgBouncer” in docs/operations.md.',
  ]
  return messages.filter((message) => message !== false).map((message) => ({ subject, message }))
}
