/** Runs one statement in the transaction of the inspection. */
export type Query = <Row>(sql: string, values?: unknown[]) => Promise<Row[]>

export interface Finding {
  /** What does not conform: `table tenantry.memberships`. */
  subject: string
  /** What is wrong, and what to do about it. */
  message: string
  /** A risk by which nothing is open yet; without it the finding is a failure. */
  severity?: 'warning'
}

export interface ExpectedPolicy {
  name: string
  type: 'permissive' | 'restrictive'
  command: 'all' | 'select' | 'insert' | 'update' | 'delete'
  roles: readonly string[]
  using: string | null
  check: string | null
}

export interface ExpectedTable {
  /** `schema.table`, or `schema.*` for whatever a schema holds. */
  name: string
  /** `system` tables belong to no entity; their policies are written as PostgreSQL prints them. */
  scope: 'tenant' | 'platform' | 'system'
  policies: readonly ExpectedPolicy[]
}

export type TablePrivilege =
  | 'select'
  | 'insert'
  | 'update'
  | 'delete'
  | { readonly update: readonly string[] }
  | { readonly select: readonly string[] }

/** Whatever is not listed here, nobody but the owner may; the role `public` is everybody. */
export interface ExpectedGrants {
  /** By table and role. */
  tables: Readonly<Record<string, Readonly<Record<string, readonly TablePrivilege[]>>>>
  /** Who may use a schema. */
  schemas: Readonly<Record<string, readonly string[]>>
  /** Who may execute a function: `schema.name(argument types)`, or `schema.*`. All functions are listed. */
  functions: Readonly<Record<string, readonly string[]>>
  /** The same of functions that came with an extension, where somebody may execute them. */
  extensionFunctions: Readonly<Record<string, readonly string[]>>
  /** Who holds what on the database. */
  database: Readonly<Record<string, readonly ('connect' | 'create' | 'temporary')[]>>
}

export interface ExpectedRoles {
  login: readonly string[]
  /** Own definer functions; nobody logs in as one. */
  function: readonly string[]
  /** The one role that may become a function role. */
  owner: string
  /** Serve requests, and so own nothing and define nothing. */
  serving: readonly string[]
  /** `schema.name(argument types)`: what PostgreSQL lets everybody call, and the serving roles may not. */
  refusedFunctions: readonly string[]
  /** The event trigger that refuses definitions to the serving roles. */
  refusingTrigger: string
}

export interface ExpectedDatabase {
  tables: readonly ExpectedTable[]
  /** Every schema there is, with the role that owns it and all it holds. */
  schemaOwners: Readonly<Record<string, string>>
  grants: ExpectedGrants
  roles: ExpectedRoles
  /** The scripts that make functions, foreign keys and triggers, in the order they run. */
  scripts: readonly string[]
  /** Extensions, with the schema of each. */
  extensions: Readonly<Record<string, string>>
}

/**
 * What the code declares, as this PostgreSQL prints it: it rewrites what it is given. The owner prints it, for that takes
 * making copies; whoever reads the catalogue can then compare.
 */
export interface PrintedDeclarations {
  /** By table; a finding where the declared policies do not fit the table. */
  policies: Readonly<Record<string, readonly ExpectedPolicy[] | Finding>>
  /** `pg_get_functiondef` by `schema.name(argument types)`. */
  functions: Readonly<Record<string, string>>
  /** `pg_get_triggerdef` by `name on schema.table`; a finding where the declared trigger does not fit the table. */
  triggers: Readonly<Record<string, string | Finding>>
  /** Functions that could not be made. */
  failures: readonly Finding[]
}

/** Schemas of PostgreSQL itself are not inspected. */
export const productNamespaces = /* sql */ `n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`

/** The name with schema of the relation that an expression gives the oid of. */
export const nameOf = (oid: string) => /* sql */ `
  (select format('%s.%s', nn.nspname, cc.relname) from pg_class cc join pg_namespace nn on nn.oid = cc.relnamespace where cc.oid = ${oid})`

export function expectedTable({ tables }: ExpectedDatabase, name: string): ExpectedTable | undefined {
  return tables.find((table) => table.name === name) ?? tables.find((table) => table.name === `${schemaOf(name)}.*`)
}

export const schemaOf = (name: string): string => name.slice(0, name.indexOf('.'))
