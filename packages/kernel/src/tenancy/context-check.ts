import type { Database } from '../context/dependencies.ts'

/** Whether the database knows the key that signs; if not, every caller would seem to be a member of nothing. */
export async function isContextAccepted(database: Database): Promise<boolean> {
  return database.platformUnit({ actor: { type: 'system', name: 'start' }, readOnly: true }, async (em) => {
    const row = await em
      .getKysely()
      .selectNoFrom((expression) => expression.fn<string | null>('tenancy.current_operator').as('operator'))
      .executeTakeFirst()
    return typeof row?.operator === 'string'
  })
}
