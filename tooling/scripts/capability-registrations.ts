import type { CapabilityName } from './capability-name.ts'

export interface Registration {
  /** From the folder of the control plane. */
  file: string
  /** Throws where the file looks otherwise than expected, or the name is taken there. */
  change(text: string, path: string): string
}

interface Entry {
  file: string
  importing?: string
  /** What stands before the end of the list, and the end. */
  list: RegExp
  entry: string
  taken: RegExp
}

/** Where a capability is made known, and how. */
export function registrations(name: CapabilityName, migration: string): Registration[] {
  return entriesOf(name, migration).map((entry) => ({
    file: entry.file,
    change: (text, path) => withImport(withEntry(text, path, entry), entry.importing),
  }))
}

function entriesOf({ folder, entity, value, values, table }: CapabilityName, migration: string): Entry[] {
  const capability = `./capabilities/${folder}`
  return [
    {
      file: 'src/entities.ts',
      importing: `import { ${entity} } from '${capability}/entity.ts'`,
      list: /(export const tenantTables = \[[^\]]*?)(\] as const)/,
      entry: `  ${entity},\n`,
      taken: new RegExp(`\\b${entity}\\b`),
    },
    {
      file: 'src/grants.ts',
      list: /(const tableGrants: ExpectedGrants\['tables'\] = \{[\s\S]*?)(\n\}\n)/,
      entry: `\n  'tenantry.${table}': { tenantry_app: ['select', 'insert'], tenantry_platform: ['select', 'insert'] },`,
      taken: new RegExp(`'tenantry\\.${table}'`),
    },
    {
      file: 'src/error-catalogue.ts',
      importing: `import { ${value}Errors } from '${capability}/contract.ts'`,
      list: /(export const errorGroups = \[[^\]]*?)(\] as const)/,
      entry: `  ${value}Errors,\n`,
      taken: new RegExp(`\\b${value}Errors\\b`),
    },
    {
      file: 'src/router.ts',
      importing: `import { ${value}Router } from '${capability}/router.ts'`,
      list: /(export const appRouter = router\(\{[\s\S]*?)(\n\}\))/,
      entry: `\n  ${values}: ${value}Router,`,
      taken: new RegExp(`^  ${values}:`, 'm'),
    },
    {
      file: 'migrations/index.ts',
      importing: `import { ${values}Sql } from './${migration}.ts'`,
      list: /(export const migrations = \[[\s\S]*?)(\n\])/,
      entry: `\n  { name: '${migration}', sql: ${values}Sql },`,
      taken: new RegExp(`_${table}'`),
    },
  ]
}

function withEntry(text: string, path: string, { list, entry, taken }: Entry): string {
  const [, before, end] = list.exec(text) ?? []
  if (before === undefined || end === undefined) throw new Error(`${path} has no list that looks like ${list.source}.`)
  if (taken.test(before)) throw new Error(`${path} has an entry of that name already. Choose another name.`)
  return text.replace(list, () => `${before}${entry}${end}`)
}

/** Sorted into place by the formatter. */
const withImport = (text: string, line: string | undefined) => (line === undefined ? text : `${line}\n${text}`)
