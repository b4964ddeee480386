import { declarationsSql } from '@tenantry/kernel/tenancy/declarations'
import { declaredFunctions } from '@tenantry/kernel/tenancy/inspection/declared-sql'
import { directorySql } from './20261121000002_directory.ts'
import { hierarchySql } from './20261121000007_hierarchy.ts'

const columns = [
  ...['id', 'slug', 'external_id', 'name', 'contact_email', 'status', 'status_reason', 'plan', 'timezone', 'tags'],
  ...['former_timezones', 'parent_id', 'created_at', 'name_key', 'slug_key', 'contact_email_key', 'external_id_key'],
]

/** A body that is parsed where it stands keeps what `*` meant on that day; columns by name mean the same for ever. */
const namedColumnsSql = declaredFunctions([directorySql, hierarchySql])
  .filter(({ statement }) => statement.includes('.*'))
  .map(({ statement }) =>
    statement
      .replace(/^create function/, 'create or replace function')
      .replaceAll(/\b(own|descendant)\.\*/g, (_, alias) => columns.map((column) => `${alias}.${column}`).join(', ')),
  )

/** What operators prove isolation with; and functions that no column of a later day changes. */
export const isolationSql = /* sql */ `
${declarationsSql}
set local role tenantry_directory;
${namedColumnsSql.join(';\n')};
reset role;
`
