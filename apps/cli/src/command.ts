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
}

export interface Told {
  description: string
  /** What can be typed after the name of the program, each with what it does. */
  examples: readonly [typed: string, does: string][]
}

type Run<Options> = (options: Options, ...operands: string[]) => Promise<Shown>

/**
 * A command as all of them are: help with examples, `--json`, and one way to show what came of it. `signature` is its name
 * with its operands; options are added to what is answered.
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
      const options = command.opts<Options & { json?: boolean }>()
      show(await run(options, ...(command.processedArgs as string[])), options.json === true)
    })
}
