import type { EntitySchema } from '@mikro-orm/core'
import type { ExpectedPolicy, ExpectedTable } from './expected.ts'

/** What an entity declares of its table. Throws where PostgreSQL's catalogue could not be compared with it. */
export function entityTable({ meta }: EntitySchema, scope: 'tenant' | 'platform'): ExpectedTable {
  if (meta.rowLevelSecurity !== 'force') throw new Error(`${meta.className} does not force row-level security`)
  const policies = (meta.policies ?? []).map(({ name, type, command, roles, using, check }): ExpectedPolicy => {
    if (!name || !roles?.length) throw new Error(`${meta.className}: a policy must have a name and name its roles`)
    return {
      name,
      type: type ?? 'permissive',
      command: command ?? 'all',
      roles,
      using: expression(using, meta.className),
      check: expression(check, meta.className),
    }
  })
  return { name: `${meta.schema}.${meta.tableName}`, scope, policies }
}

function expression(text: unknown, entity: string): string | null {
  if (text === undefined) return null
  if (typeof text !== 'string') throw new Error(`${entity}: write the expression of a policy as text`)
  return text
}
