import { isDeepStrictEqual } from 'node:util'
import type { Rehearsal } from '@tenantry/kernel/context/dependencies'
import { type RecordedDeclarations, recordFingerprint } from '@tenantry/kernel/tenancy/declarations'
import {
  type ExpectedDatabase,
  type Inspection,
  inspections,
  nameFully,
  type PrintedDeclarations,
} from '@tenantry/kernel/tenancy/inspection'
import { findRecordedDeclarations } from '../repository/health.ts'
import { look, lookWithin } from '../repository/look.ts'
import type { Check, Found } from '../rules/report.ts'

/** What only the owner of the database can tell. */
export interface OwnersView {
  printed: PrintedDeclarations
  /** Statements that would make the tables what the entities declare. */
  drift: readonly string[]
}

interface Comparison {
  expected: ExpectedDatabase
  serverMajor: number
  owner: OwnersView | undefined
}

/** PostgreSQL's catalogue against the code. */
export async function catalogueChecks(rehearsal: Rehearsal, comparison: Comparison): Promise<Check[]> {
  const { expected, serverMajor, owner } = comparison
  await nameFully(rehearsal.query)
  const seen: { record: RecordedDeclarations | null } = { record: null }
  const recordCheck = await lookWithin(rehearsal, recorded, async () => {
    seen.record = await findRecordedDeclarations(rehearsal)
    return { findings: recordFindings(seen.record, recordFingerprint(expected, serverMajor)) }
  })
  const printed = owner?.printed ?? seen.record?.printed
  const checks: Check[] = []
  for (const inspection of inspections) {
    checks.push(await compare(rehearsal, inspection, { expected, printed }))
  }
  return [
    ...checks,
    recordCheck,
    unchangedCheck(seen.record, recordFingerprint(expected, serverMajor), owner),
    await columnsCheck(owner),
  ]
}

async function compare(
  rehearsal: Rehearsal,
  { name, promise, needsPrint, inspect }: Inspection,
  { expected, printed }: { expected: ExpectedDatabase; printed: PrintedDeclarations | undefined },
): Promise<Check> {
  if (needsPrint && !printed)
    return { name, promise, findings: [], skipped: 'There is nothing to compare with: see the check “record”.' }
  return lookWithin(rehearsal, { name, promise }, async () => ({
    findings: await inspect(
      rehearsal.query,
      expected,
      printed ?? { policies: {}, functions: {}, triggers: {}, failures: [] },
    ),
  }))
}

const recorded = {
  name: 'record',
  promise: 'The migrations of this version have recorded what it declares.',
}

const unchanged = {
  name: 'record_unchanged',
  promise: 'Nobody has changed the record.',
}

function recordFindings(record: RecordedDeclarations | null, fingerprint: string): Found[] {
  if (record === null)
    return [
      {
        subject: recordTable,
        message: 'Nothing is recorded that policies and functions could be compared with: run the migrations.',
      },
    ]
  if (record.fingerprint === fingerprint) return []
  const message = 'It is of another version of the code, or of PostgreSQL: run the migrations of this one.'
  return [{ subject: recordTable, message, severity: 'warning' }]
}

const recordTable = 'table tenancy.declarations'

/** Whoever may change what is compared may change the record too: only what the owner prints anew can tell. */
function unchangedCheck(
  record: RecordedDeclarations | null,
  fingerprint: string,
  owner: OwnersView | undefined,
): Check {
  if (!owner) {
    const skipped = `${onlyTheOwner} Policies, functions and triggers were compared with the record as it is.`
    return { ...unchanged, findings: [], skipped }
  }
  // As JSON, which knows no undefined.
  const same =
    record !== null &&
    (record.fingerprint !== fingerprint || isDeepStrictEqual(record.printed, JSON.parse(JSON.stringify(owner.printed))))
  const message = 'Somebody changed it: delete its row as tenantry_owner, and run the migrations.'
  return { ...unchanged, findings: same ? [] : [{ subject: recordTable, message }] }
}

const onlyTheOwner = 'Only tenantry doctor with MIGRATION_DATABASE_URL can see this.'

async function columnsCheck(owner: OwnersView | undefined): Promise<Check> {
  const named = {
    name: 'columns',
    promise: 'The tables have the columns, checks and indexes that the entities declare.',
  }
  if (!owner) return { ...named, findings: [], skipped: onlyTheOwner }
  return look(named, async () => ({
    findings: owner.drift.map((statement) => ({
      subject: 'schema tenantry',
      message: `It differs from what the entities declare: a migration must do “${statement}”.`,
    })),
  }))
}
