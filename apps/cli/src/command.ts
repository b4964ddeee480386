import { Command } from 'commander'

/** What a command has to show: for a person, and for a program. */
export interface Shown {
  text: string
  data: unknown
  /** It was done, and what it found is bad: exit code 1. */
  failed?: boolean
}

/** What a run of the program has around it. */
export interface Surroundings {
  environment: NodeJS.ProcessEnv
  show(shown: Shown, asJson: boolean): void
  /** Tells how far a long work has come, beside what it shows. */
  note(line: string): void
}

export interface Told {
  description: string
  /** What can be typed after the name of the program, each with what it does. */
  examples: readonly [typed: string, does: string][]
}

/** A value that was typed is wrong: exit code 2. */
export class UsageError extends Error {
  /** The option or operand, as it is typed. */
  readonly typed: string

  constructor(typed: string, message: string) {
    super(message)
    this.typed = typed
  }
}

/** What a command does not do as things are, told in its message: exit code 1. */
export class RefusedError extends Error {}

/** Failed on the way, by its cause; what was done until then is shown first. */
export class BrokenOffError extends Error {
  readonly done: Shown

  constructor(done: Shown, cause: unknown) {
    super('Broken off', { cause })
    this.done = done
  }
}

type Run<Options> = (options: Options, ...operands: string[]) => Promise<Shown>

/**
 * A command as all of them are: help with examples, `--json`, and one way to show what came of it. `signature` is its name
 * with its operands; options are added to what is answered. What is slow to load is imported by `run`, once everything that
 * was typed is known to be right.
 */
export function defineCommand<Options extends object>(
  { show }: Surroundings,
  signature: string,
  { description, examples }: Told,
  run: Run<Options>,
): Command {
  const width = Math.max(...examples.map(([typed]) => typed.length))
  const lines = examples.map(([typed, does]) => `  pnpm tenantry ${typed.padEnd(width)}  # ${does}`)
  const [name = '', ...operands] = signature.split(' ')
  const command = new Command(name)
  for (const operand of operands) command.argument(operand)
  return command
    .summary(description.replace(/[.:;,].*$/s, ''))
    .description(description)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
    .action(async () => {
      const { json, ...options } = command.opts<Options & { json?: boolean }>()
      show(await run(options as unknown as Options, ...(command.processedArgs as string[])), json === true)
    })
}

/** The commands about one thing, one verb each. */
export function commandGroup(name: string, description: string, verbs: Command[]): Command {
  const group = new Command(name).description(description)
  for (const verb of verbs) group.addCommand(verb)
  return group
}

/** Options of every list. */
export interface Paging {
  limit?: string
  cursor?: string
}

export const paged = (command: Command): Command =>
  command.option('--limit <number>', 'as many at the most, 1 to 200').option('--cursor <cursor>', 'go on after a page')

/** What the operation takes; a limit that is no number is told by its schema. */
export const pageOf = ({ limit, cursor }: Paging) => ({
  cursor,
  limit: limit === undefined ? undefined : Number(limit),
})
