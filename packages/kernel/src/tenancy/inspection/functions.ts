import { declaredFunctions } from './declared-sql.ts'
import {
  type ExpectedDatabase,
  type Finding,
  type PrintedDeclarations,
  productNamespaces,
  type Query,
  schemaOf,
} from './expected.ts'

interface FoundFunction {
  name: string
  owner: string
  definer: boolean
  settings: string[]
  /** An extension brought it, or took it in. */
  extended: boolean
}

const fixedPath = 'search_path=pg_catalog, pg_temp'

/** Definer functions run with their owner's rights, so each is listed, owned as its schema is, and bound to a fixed path. */
export async function inspectFunctions(query: Query, { grants, schemaOwners }: ExpectedDatabase): Promise<Finding[]> {
  const found = await query<FoundFunction>(functionsSql)
  const missing = Object.keys(grants.functions)
    .filter((name) => !name.endsWith('.*') && !found.some((fn) => !fn.extended && fn.name === name))
    .map((name) => ({ subject: `function ${name}`, message: 'There is no such function: run the migrations.' }))
  const undeclared = found
    .filter(
      ({ name, extended }) => !extended && !(name in grants.functions) && !(`${schemaOf(name)}.*` in grants.functions),
    )
    .map(({ name }) => ({
      subject: `function ${name}`,
      message: 'It is in no list: drop it, or declare with the grants who may execute it.',
    }))
  return [...missing, ...undeclared, ...found.flatMap((fn) => definerFindings(fn, schemaOwners[schemaOf(fn.name)]))]
}

function definerFindings({ name, owner, definer, settings }: FoundFunction, rightOwner: string | undefined): Finding[] {
  if (!definer) return []
  const messages = [
    owner !== rightOwner && `It runs with the rights of ${owner}: alter function ${name} owner to ${rightOwner}.`,
    !settings.includes(fixedPath) &&
      `It runs with its caller's search_path: alter function ${name} set search_path = pg_catalog, pg_temp.`,
  ]
  return messages.filter((message) => message !== false).map((message) => ({ subject: `function ${name}`, message }))
}

interface Definition {
  name: string
  definition: string
}

/** What a function does is what the migrations say, to the letter. */
export async function inspectFunctionBodies(
  query: Query,
  { grants }: ExpectedDatabase,
  { functions, failures }: PrintedDeclarations,
): Promise<Finding[]> {
  const found = await query<Definition>(definitionsSql, ['%'])
  const differing = found
    .filter(({ name, definition }) => name in grants.functions && functions[name] !== definition)
    .map(({ name, definition }) => ({ subject: `function ${name}`, message: difference(definition, functions[name]) }))
  return [...failures, ...differing]
}

function difference(definition: string, declared: string | undefined): string {
  if (declared === undefined) return 'No migration of this version makes it: declare it, or drop it.'
  const [has, wanted] = [definition.split('\n'), declared.split('\n')]
  const line = has.findIndex((text, index) => text !== wanted[index])
  const [is, shouldBe] = line < 0 ? ['at its end', wanted[has.length]] : [has[line], wanted[line]]
  return `It is not what the migrations made: line ${line + 1} is “${is?.trim()}”, not “${shouldBe?.trim() ?? 'nothing'}”. Restore it from the migration.`
}

const copies = 'inspected_'

/** Makes every declared function once more, in schemas of its own, and takes all of it back. */
export async function printFunctions(
  query: Query,
  { scripts, schemaOwners }: ExpectedDatabase,
): Promise<Pick<PrintedDeclarations, 'functions' | 'failures'>> {
  const declared = declaredFunctions(scripts)
  const failures: Finding[] = []
  await query('savepoint inspected')
  try {
    for (const { schema, name, statement } of declared) {
      const [copy, owner] = [`${copies}${schema}`, schemaOwners[schema]]
      await query('savepoint making')
      try {
        await query(
          `create schema if not exists ${copy}; grant all on schema ${copy} to ${owner}; set local role ${owner}`,
        )
        await query(statement.replace(`${schema}.${name}`, `${copy}.${name}`))
        await query('reset role')
      } catch (error) {
        await query('rollback to savepoint making')
        const message = `What the migrations declare cannot be made (${(error as Error).message}): run the migrations.`
        failures.push({ subject: `function ${schema}.${name}`, message })
      }
    }
    const made = await query<Definition>(definitionsSql, [`${copies}%`])
    const original = (text: string) => text.replace(copies, '')
    return {
      functions: Object.fromEntries(made.map(({ name, definition }) => [original(name), original(definition)])),
      failures,
    }
  } finally {
    await query('rollback to savepoint inspected')
  }
}

const definitionsSql = /* sql */ `
select format('%s.%s(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as name, pg_get_functiondef(p.oid) as definition
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 where p.prokind in ('f', 'p') and ${productNamespaces} and n.nspname like $1
 order by 1
`

const functionsSql = /* sql */ `
select format('%s.%s(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as name,
       pg_get_userbyid(p.proowner)::text as owner,
       p.prosecdef as definer,
       coalesce(p.proconfig, '{}') as settings,
       exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e') as extended
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 where ${productNamespaces}
 order by 1
`
