/** One name in all its spellings: `team-note` gives TeamNote, teamNote, team_note and their plurals. */
export interface CapabilityName {
  /** The folder: `team-note`. */
  folder: string
  /** `TeamNote` and `TeamNotes`. */
  entity: string
  entities: string
  /** `teamNote` and `teamNotes`. */
  value: string
  values: string
  /** `team_note` and `team_notes`. */
  column: string
  table: string
  /** The path segment `team-notes`. */
  segment: string
  /** `team note` and `team notes`. */
  words: string
  manyWords: string
}

const form = /^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/
/** PostgreSQL cuts names at 63 characters, and `_tenant_id_name_unique` follows the table's. */
const longest = 40
const emptyNames = ['utils', 'helpers', 'common', 'misc', 'lib', 'types', 'constants', 'manager', 'base']
const roleNames = ['contract', 'entity', 'repository', 'service', 'router', 'rules', 'index', 'factory']

/** Throws an error that says what is wrong with the name. */
export function readCapabilityName(folder: string, plural = pluralOf(folder)): CapabilityName {
  for (const name of [folder, plural]) {
    if (!form.test(name))
      throw new Error(`"${name}" is no name for a capability: write it like "widget" or "team-note".`)
    if (name.length > longest) throw new Error(`"${name}" is longer than ${longest} characters.`)
  }
  if (plural === folder) throw new Error(`Give the plural of "${folder}" too, and one that differs.`)
  if (emptyNames.includes(folder))
    throw new Error(`"${folder}" says nothing. Name the capability after what it is about.`)
  if (roleNames.includes(folder))
    throw new Error(`"${folder}" is the name of a file's role. Name the capability otherwise.`)
  const entity = pascal(folder)
  for (const name of [entity, pascal(plural)]) {
    if (name in globalThis)
      throw new Error(`"${folder}" would hide JavaScript's own ${name}. Name the capability otherwise.`)
  }
  return {
    folder,
    entity,
    entities: pascal(plural),
    value: camel(folder),
    values: camel(plural),
    column: folder.replaceAll('-', '_'),
    table: plural.replaceAll('-', '_'),
    segment: plural,
    words: folder.replaceAll('-', ' '),
    manyWords: plural.replaceAll('-', ' '),
  }
}

function pluralOf(name: string): string {
  if (/[^aeiou]y$/.test(name)) return `${name.slice(0, -1)}ies`
  return /(?:s|x|z|ch|sh)$/.test(name) ? `${name}es` : `${name}s`
}

const pascal = (name: string) => name.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())

const camel = (name: string) => name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** `Team note` */
export const sentence = (words: string) => `${words[0]?.toUpperCase()}${words.slice(1)}`
