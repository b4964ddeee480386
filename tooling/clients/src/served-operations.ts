import type { appRouter } from '@tenantry/control-plane'

type Router = typeof appRouter

/** Spelled out to the last field, so that its declaration names no module of the server. */
type Plain<Value> = Value extends (infer Item)[]
  ? Plain<Item>[]
  : Value extends object
    ? { [Key in keyof Value]: Plain<Value[Key]> }
    : Value

/** Of a subscription one item. */
type Answer<Output> = Output extends AsyncIterable<infer Item> ? Item : Output

interface Procedure {
  _def: { type: string; $types: { input: unknown; output: unknown } }
}

type Described<Entry> = Entry extends Procedure
  ? {
      type: Entry['_def']['type']
      input: Plain<Entry['_def']['$types']['input']>
      output: Plain<Answer<Entry['_def']['$types']['output']>>
    }
  : { [Name in keyof Entry]: Described<Entry[Name]> }

type ErrorShape = Plain<Router['_def']['_config']['$types']['errorShape']>

// The compiler writes out what it infers and repeats what is annotated, hence values in a file that nothing runs.
declare const router: Router
declare function describe<Entry>(entry: Entry): Described<Entry>
declare function first<Value>(values: Value[]): Value

export const operations = describe(router._def.record)
export const problem = first<ErrorShape['data']['problem']>([])
