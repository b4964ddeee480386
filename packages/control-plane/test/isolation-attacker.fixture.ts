import { type ContextPurpose, signContext } from '@tenantry/kernel/tenancy/signed-context'
import pg from 'pg'
import type { TestInstallation, TestTenant, TestUser } from '../src/testing.ts'
import { fillTables, fingerprint, listTenantTables, type TenantTable, type Victim } from './isolation-rows.fixture.ts'

export interface Attack {
  name: string
  /** One after another in one transaction. */
  statements: string[]
  /**
   * `refused`: PostgreSQL must answer with an error. `nothing`: it may also answer, with nothing of the victim's and
   * without changing anything of it.
   */
  outcome: 'refused' | 'nothing'
  /** SQLSTATE of a refusal beside 42501, insufficient_privilege. */
  codes?: string[]
  /** What shows, where the statements themselves cannot, that without any protection a row of the victim would be met. */
  control?: string[]
}

export interface Context {
  tenant?: string
  user?: string
}

/** Two tenants with rows in every table, and what the first one tries against the second. */
export interface Campaign extends AsyncDisposable {
  installation: TestInstallation
  admin: pg.Client
  tables: TenantTable[]
  attacker: TestTenant & { user: TestUser }
  victim: TestTenant & Victim & { user: TestUser }
  /** Connects as a role of the installation. */
  connect(role?: keyof TestInstallation['testDatabase']['urls'], options?: string): Promise<pg.Client>
  sign(purpose: ContextPurpose, value: string): string
  /** Switches off what refuses all definitions to the serving roles, so that their lack of privileges stands alone. */
  withoutDefinitionGuard(): Promise<void>
  /** Runs the attack and commits. Returns how it got through, null if it did not; nothing else may change the victim. */
  attempt(client: pg.Client, attack: Attack, context: Context): Promise<string | null>
  /** Attempts so far. */
  attempts(): number
  /** Whether a superuser who does the same is told something of the victim, or changes a row of it; rolled back. */
  meets(attack: Attack): Promise<boolean>
}

export async function openCampaign(installation: TestInstallation): Promise<Campaign> {
  const { testDatabase, createTenant, createUser, addMember } = installation
  const attacker = { ...(await createTenant()), user: await createUser() }
  const victimUser = await createUser('victim@people.test')
  const victim = { ...(await createTenant({ slug: 'victim-tenant' })), marker: 'vctm', user: victimUser }
  await addMember(attacker.id, attacker.user.id, 'owner')
  await addMember(victim.id, victim.user.id, 'owner')

  const open: pg.Client[] = []
  const connect = async (url: string, options = '') => {
    const client = new pg.Client({ connectionString: url, options })
    client.on('error', () => undefined)
    await client.connect()
    open.push(client)
    return client
  }
  const admin = await connect(testDatabase.adminUrl)
  const tables = await listTenantTables(admin)
  await fillTables(admin, tables, victim)
  await fillTables(admin, tables, { id: attacker.id, marker: 'attk' })

  let attempts = 0
  let known: string | null = null
  return {
    installation,
    admin,
    tables,
    attacker,
    victim,
    connect: (role = 'tenantry_app', options = '') => connect(testDatabase.urls[role], options),
    sign: (purpose, value) => signContext(testDatabase.signingKey, purpose, value),
    withoutDefinitionGuard: async () => {
      await admin.query('alter event trigger tenantry_refuse_definition disable')
    },
    attempts: () => attempts,
    attempt: async (client, attack, context) => {
      attempts++
      const before = known ?? (await fingerprint(admin, tables, victim.id))
      const answer = await run(client, attack, context)
      const after = await fingerprint(admin, tables, victim.id)
      known = after
      const how = before === after ? judge(attack, answer, victim) : 'rows of the victim changed'
      return how && `${attack.name}: ${how}`
    },
    meets: async ({ statements, control = statements }) => {
      const before = await fingerprint(admin, tables, victim.id)
      await admin.query('begin')
      try {
        const { said, written } = await say(admin, control)
        return written > 0 || tells(said, victim) || before !== (await fingerprint(admin, tables, victim.id))
      } catch (error) {
        // It came as far as to fail for a value of the row, or for a key.
        return error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? '')
      } finally {
        await admin.query('rollback')
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of open) await client.end()
    },
  }
}

interface Answer {
  said: string
  /** Rows. */
  written: number
  error: pg.DatabaseError | null
}

/** Sets the context as the unit of work does, and commits what came through. */
async function run(client: pg.Client, { statements }: Attack, { tenant = '', user = '' }: Context): Promise<Answer> {
  const answer: Answer = { said: '', written: 0, error: null }
  try {
    await client.query('begin')
    await client.query(
      `select set_config('tenancy.tenant_context', $1, true), set_config('tenancy.user_context', $2, true)`,
      [tenant, user],
    )
    await say(client, statements, answer)
    await client.query('commit')
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    answer.error = error
    await client.query('rollback')
  }
  return answer
}

/** Adds what the statements answer, copies included. */
async function say(client: pg.Client, statements: string[], answer: Answer = { said: '', written: 0, error: null }) {
  const onCopy = ({ chunk }: { chunk: Buffer }) => {
    answer.said += chunk.toString()
  }
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter }
  connection.on('copyData', onCopy)
  try {
    for (const statement of statements) {
      for (const { command, rowCount, rows } of [await client.query(statement)].flat()) {
        answer.said += JSON.stringify(rows)
        if (/INSERT|UPDATE|DELETE|MERGE/.test(command)) answer.written += rowCount ?? 0
      }
    }
    return answer
  } finally {
    connection.off('copyData', onCopy)
  }
}

const tells = (said: string, { id, marker, slug }: Victim & TestTenant) =>
  [id, marker, slug].some((text) => said.includes(text))

function judge({ outcome, codes = [] }: Attack, { said, error }: Answer, victim: Victim & TestTenant): string | null {
  if (tells(said, victim)) return `it was told ${said.slice(0, 200)}`
  if (error) {
    const told = `${error.message} ${error.detail} ${error.hint}`
    if (told.includes(victim.marker)) return `the error tells ${told}`
    // Any other error means that the attack is faulty and proves nothing.
    return ['42501', ...codes].includes(error.code ?? '')
      ? null
      : `it failed for another reason, ${error.code} ${error.message}`
  }
  return outcome === 'nothing' ? null : 'it was not refused'
}

/** The client's own view: which tenant the database takes this transaction for. */
export async function boundTenant(client: pg.Client): Promise<string | null> {
  const { rows } = await client.query('select tenancy.current_tenant() as id')
  return rows[0].id
}
