import pg from 'pg'
import { createInternalCaller, type InternalCaller } from '../../caller.ts'
import { entities } from '../../entities.ts'
import { operator, type TestInstallation, type TestUser } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'

export const asOperator = (installation: TestInstallation) => installation.callerAs(operator).users

/** All pages, of so many items each. */
export async function everythingOf({ export: read }: InternalCaller['users'], userId: string, limit: number) {
  const items = []
  let cursor: string | undefined
  do {
    const page = await read({ userId, limit, cursor })
    items.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return items
}

let made = 0
/** Someone with a name, who is known by what no other word holds. */
export async function person(installation: TestInstallation): Promise<TestUser & { name: string }> {
  made += 1
  const name = `Zebulon${made}`
  const user = await installation.createUser(`zebulon.${made}+home@people.test`)
  await asAdmin(installation, 'update tenantry.users set name = $2 where id = $1', [user.id, name])
  return { ...user, name }
}

export const callerOf = (installation: TestInstallation, user: TestUser & { name: string }, tenantId: string) =>
  createInternalCaller(installation.dependencies, { actor: { type: 'user', ...user }, tenantId })

/** The tables in which anybody is called so, as a whole word. */
export async function tablesThatName(installation: TestInstallation, word: string): Promise<string[]> {
  const pattern = `(?<![a-z])${word.replaceAll(/[.+]/g, '\\$&')}(?![a-z])`
  const named = entities.map(({ meta }) => {
    const table = meta.tableName
    return `select '${table}' as name where exists (select from tenantry.${table} t where t::text ~* $1)`
  })
  const client = new pg.Client(installation.testDatabase.adminUrl)
  await client.connect()
  const { rows } = await client.query<{ name: string }>(`${named.join(' union all ')} order by 1`, [pattern])
  await client.end()
  return rows.map(({ name }) => name)
}

/** Rows by table, of those that the erasure changed. */
export const changed = ({ tables }: { tables: { table: string; rows: number }[] }) =>
  Object.fromEntries(tables.filter(({ rows }) => rows > 0).map(({ table, rows }) => [table, rows]))
