import type { Rehearsal } from '@tenantry/kernel/context/dependencies'
import type { Found } from '../rules/report.ts'

export interface TenantTable {
  name: string
  /** Where the tenant's id stands. */
  column: string
}

export interface Attempt {
  table: string
  what: string
  text: string
  values: readonly string[]
  /** Whose row it looks for. */
  seeks: 'other' | 'own' | 'none'
}

/** What has become of attempts. */
export interface Flight {
  attempts: number
  /** Those that saw nothing of a row which was there. */
  met: number
  /** Those that a policy refused aloud. */
  refused: number
  findings: readonly Found[]
}

export const joined = (flights: readonly Flight[]): Flight => ({
  attempts: sum(flights, 'attempts'),
  met: sum(flights, 'met'),
  refused: sum(flights, 'refused'),
  findings: flights.flatMap(({ findings }) => findings),
})

const sum = (flights: readonly Flight[], count: 'attempts' | 'met' | 'refused') =>
  flights.reduce((total, flight) => total + flight[count], 0)

/** Goes on after what fails. */
export async function tryOne({ query }: Rehearsal, { text, values }: Pick<Attempt, 'text' | 'values'>) {
  await query('savepoint attempt')
  const outcome = await query(text, values).then(
    (rows) => ({ rows: rows.length, error: null }),
    (error: RefusedByDatabase) => ({ rows: 0, error }),
  )
  await query('rollback to savepoint attempt')
  return outcome
}

export interface RefusedByDatabase extends Error {
  code?: string
  /** The function of PostgreSQL's source that refused it. */
  routine?: string
}

const insufficientPrivilege = '42501'

/** By a policy, or else for want of a grant; the messages of both are of the same code, and in the server's language. */
export const isPolicyViolation = ({ code, routine }: RefusedByDatabase) =>
  code === insufficientPrivilege && routine === 'ExecWithCheckOptions'

const isWithoutGrant = (error: RefusedByDatabase) => error.code === insufficientPrivilege && !isPolicyViolation(error)

/** `peopled` are the tables in which the other tenant has a row, as it sees itself. */
export async function tryAll(
  rehearsal: Rehearsal,
  attempts: readonly Attempt[],
  peopled: ReadonlySet<string>,
): Promise<Flight> {
  const findings: Found[] = []
  let [met, refused] = [0, 0]
  for (const attempt of attempts) {
    const { table, what, seeks } = attempt
    const { rows, error } = await tryOne(rehearsal, attempt)
    if (error && isPolicyViolation(error)) refused += 1
    else if (!error && rows === 0 && seeks === 'other' && peopled.has(table)) met += 1
    // Row-level security is asked first: any other error comes from behind it.
    const behind = error && error.code !== insufficientPrivilege ? `only “${error.message}” stopped it` : null
    const through = rows > 0 ? 'it got through' : behind
    if (through === null) continue
    const message = `Somebody could ${what}: ${through}. Stop serving, and see what the other checks found.`
    findings.push({ subject: `table ${table}`, message })
  }
  return { attempts: attempts.length, met, refused, findings }
}

/** The tables in which a tenant sees rows of its own, whose context must be bound. */
export async function tablesWithRows(rehearsal: Rehearsal, tables: readonly TenantTable[]): Promise<Set<string>> {
  const peopled = new Set<string>()
  for (const { name } of tables) {
    const { rows } = await tryOne(rehearsal, { text: `select from ${name} limit 1`, values: [] })
    if (rows > 0) peopled.add(name)
  }
  return peopled
}

/**
 * The bound tenant plants a row of its own in each table that takes one, and would see it: what is returned must pass the
 * policies for reading too. That its other columns are missing, or its tenant, comes behind.
 */
export async function plantOwn(
  rehearsal: Rehearsal,
  tables: readonly TenantTable[],
  id: string,
): Promise<{ admitted: number; findings: Found[] }> {
  const findings: Found[] = []
  let admitted = 0
  for (const { name, column } of tables) {
    const text = `insert into ${name} (${column}) values ($1) returning ${column}`
    const { error } = await tryOne(rehearsal, { text, values: [id] })
    if (error && isPolicyViolation(error)) findings.push({ subject: `table ${name}`, message: blind })
    else if (!error || !isWithoutGrant(error)) admitted += 1
  }
  return { admitted, findings }
}

const blind =
  'A tenant could not read or write a row of its own, so that refusals prove nothing: see the check of policies.'
