import { type ExpectedDatabase, type Finding, productNamespaces, type Query, schemaOf } from './expected.ts'

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
