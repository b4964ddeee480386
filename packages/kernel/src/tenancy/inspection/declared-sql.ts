export interface DeclaredFunction {
  schema: string
  name: string
  statement: string
}

export interface DeclaredForeignKey {
  name: string
  /** With its schema. */
  table: string
  columns: readonly string[]
  target: string
  targetColumns: readonly string[]
}

/** What a `;` inside of does not end a statement: comments, texts, quoted names, and the body of `begin atomic … end`. */
const tokens =
  /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$)[\s\S]*?\1|\b(?:begin\s+atomic|case|end)\b|;/gi

/** The statements of a script, without the `;` behind them. */
export function statementsOf(sql: string): string[] {
  const statements: string[] = []
  let [start, depth] = [0, 0]
  for (const { 0: token, index } of sql.matchAll(tokens)) {
    const word = token.toLowerCase()
    if (word.startsWith('begin') || (depth > 0 && word === 'case')) depth += 1
    else if (word === 'end' && depth > 0) depth -= 1
    else if (word === ';' && depth === 0) {
      statements.push(sql.slice(start, index))
      start = index + 1
    }
  }
  return [...statements, sql.slice(start)].map(withoutLeadingComments).filter((statement) => statement !== '')
}

const withoutLeadingComments = (statement: string) =>
  statement.replace(/^(?:\s+|--[^\n]*|\/\*[\s\S]*?\*\/)+/, '').trim()

const creates = /^create\s+(?:or\s+replace\s+)?function\s+(\w+)\.(\w+)\s*\(([\s\S]*?)\)\s*returns\b/i
const drops = /^drop\s+function\b/i

/** The functions that are left once the scripts have run, each by the statement that made it last. */
export function declaredFunctions(scripts: readonly string[]): DeclaredFunction[] {
  const left = new Map<string, DeclaredFunction>()
  for (const statement of scripts.flatMap(statementsOf)) {
    const [, schema = '', name = '', parameters = ''] = creates.exec(statement) ?? []
    if (name !== '') left.set(`${schema}.${name}(${parameters.replaceAll(/\s+/g, ' ')})`, { schema, name, statement })
    if (!drops.test(statement)) continue
    const dropped = [...statement.matchAll(/\b(\w+\.\w+)\s*(?:\(|,|$)/g)].map(([, found]) => found)
    for (const [key, fn] of left) if (dropped.includes(`${fn.schema}.${fn.name}`)) left.delete(key)
  }
  return [...left.values()]
}

const references =
  /\bconstraint\s+(\w+)\s+foreign\s+key\s*\(([^)]*)\)\s*references\s+([\w.]+)\s*\(([^)]*)\)|\bdrop\s+constraint\s+(?:if\s+exists\s+)?(\w+)/gi
const names = (list: string) => list.split(',').map((name) => name.trim())

/** The foreign keys that are left once the scripts have run. */
export function declaredForeignKeys(scripts: readonly string[]): DeclaredForeignKey[] {
  const left = new Map<string, DeclaredForeignKey>()
  for (const statement of scripts.flatMap(statementsOf)) {
    const plain = statement.replaceAll('"', '')
    const [, table = ''] = /^(?:create|alter|drop)\s+table\s+(?:if\s+(?:not\s+)?exists\s+)?([\w.]+)/i.exec(plain) ?? []
    if (/^drop/i.test(plain)) for (const [key, found] of left) if (found.table === table) left.delete(key)
    for (const [, name = '', columns = '', target = '', targetColumns = '', dropped] of plain.matchAll(references)) {
      if (dropped) left.delete(`${table} ${dropped}`)
      else
        left.set(`${table} ${name}`, {
          name,
          table,
          columns: names(columns),
          target,
          targetColumns: names(targetColumns),
        })
    }
  }
  return [...left.values()]
}

export interface DeclaredTrigger {
  name: string
  /** With its schema. */
  table: string
  statement: string
}

/** The triggers that are left once the scripts have run. */
export function declaredTriggers(scripts: readonly string[]): DeclaredTrigger[] {
  const left = new Map<string, DeclaredTrigger>()
  for (const statement of scripts.flatMap(statementsOf)) {
    const [, name = '', table = ''] = makesTrigger.exec(statement) ?? []
    if (name !== '') left.set(`${name} on ${table}`, { name, table, statement })
    const [, dropped, from] = /^drop\s+trigger\s+(?:if\s+exists\s+)?(\w+)\s+on\s+([\w.]+)/i.exec(statement) ?? []
    left.delete(`${dropped} on ${from}`)
  }
  return [...left.values()]
}

const makesTrigger = /^create\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\s+(\w+)[\s\S]*?\bon\s+([\w.]+)/i
