/** What is not as it must be. */
export interface Found {
  subject: string
  message: string
  severity?: 'warning'
}

export interface Check {
  name: string
  promise: string
  /** What was seen where nothing is wrong. */
  found?: string
  findings: readonly Found[]
  /** Why it was not looked at. */
  skipped?: string
}

export type Outcome = 'pass' | 'warning' | 'fail' | 'skipped'

export interface Examined {
  tables: number
  policies: number
  foreignKeys: number
  functions: number
  roles: number
  canaryAttempts: number
  /** Of those, the ones that had a row before them and saw nothing of it. */
  canaryHidden: number
  /** And the ones that a policy refused. */
  canaryRefused: number
}

export interface Setting {
  at: Date
  version: string
  codeFingerprint: string
  database: { id: string; name: string; serverVersion: string }
}

/** The report of the checks, for a person and for a machine. */
export function reportOf(setting: Setting, examined: Examined, checks: readonly Check[]) {
  const judged = checks.map(judge)
  const count = (wanted: Outcome) => judged.filter(({ outcome }) => outcome === wanted).length
  const counts = { pass: count('pass'), warning: count('warning'), fail: count('fail'), skipped: count('skipped') }
  const outcome = counts.fail > 0 ? ('fail' as const) : counts.warning > 0 ? ('warning' as const) : ('pass' as const)
  return {
    outcome,
    attestation: { ...setting, statement: statementOf(setting, examined, counts) },
    counts,
    examined,
    checks: judged,
  }
}

export type IsolationReport = ReturnType<typeof reportOf>

function judge({ name, promise, found = 'As declared.', findings, skipped }: Check) {
  const failed = findings.filter(({ severity }) => severity !== 'warning').length
  const outcome: Outcome =
    skipped !== undefined ? 'skipped' : failed > 0 ? 'fail' : findings.length > 0 ? 'warning' : 'pass'
  const told = findings.length === 1 ? '1 finding.' : `${findings.length} findings.`
  return {
    name,
    promise,
    outcome,
    found: skipped ?? (findings.length > 0 ? told : found),
    findings: findings.map(({ severity, ...finding }) => ({ ...finding, severity: severity ?? ('failure' as const) })),
  }
}

function statementOf(
  { at, version, codeFingerprint, database }: Setting,
  examined: Examined,
  counts: Record<Outcome, number>,
) {
  const { tables, policies, foreignKeys, functions, roles, canaryAttempts, canaryHidden, canaryRefused } = examined
  const results = [
    `${counts.pass} passed`,
    `${counts.warning} with a warning`,
    `${counts.fail} failed`,
    ...(counts.skipped > 0 ? [`${counts.skipped} not made`] : []),
  ]
  return (
    `At ${at.toISOString()} Tenantry ${version} (declarations sha256:${codeFingerprint}) examined the database ` +
    `${database.name} (${database.id}) on PostgreSQL ${database.serverVersion}: ${tables} tables, ${policies} policies, ` +
    `${foreignKeys} foreign keys, ${functions} functions and ${roles} roles were compared with the code, and ` +
    `${canaryAttempts} reads and writes across tenants were tried and taken back (${canaryHidden} had a row before them that stayed ` +
    `hidden, ${canaryRefused} were refused by a policy). Checks: ${results.join(', ')}.`
  )
}
