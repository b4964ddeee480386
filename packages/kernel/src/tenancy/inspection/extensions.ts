import type { ExpectedDatabase, Finding, Query } from './expected.ts'

interface FoundExtension {
  name: string
  schema: string
}

/** The extensions that the product needs, where it puts them; any other is told of, for what it may do nobody here checks. */
export async function inspectExtensions(query: Query, { extensions }: ExpectedDatabase): Promise<Finding[]> {
  const found = await query<FoundExtension>(extensionsSql)
  const missing = Object.entries(extensions)
    .filter(([name, schema]) => !found.some((extension) => extension.name === name && extension.schema === schema))
    .map(([name, schema]) => ({
      subject: `extension ${name}`,
      message: `It is not in the schema ${schema}: provision the database anew.`,
    }))
  const more = found
    .filter(({ name }) => !(name in extensions))
    .map(({ name }) => ({
      subject: `extension ${name}`,
      message: `Tenantry does not use it: make sure that it reads nothing past row-level security, or drop extension ${name}.`,
      severity: 'warning' as const,
    }))
  return [...missing, ...more]
}

const extensionsSql = /* sql */ `
select e.extname::text as name, n.nspname::text as schema
  from pg_extension e join pg_namespace n on n.oid = e.extnamespace order by 1`
