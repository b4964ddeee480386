import { version } from '@tenantry/control-plane/version'
import { explainFailure } from '@tenantry/installation/failure'
import { AppError } from '@tenantry/kernel/errors/app-error'
import { Command, CommanderError } from 'commander'
import type { Shown, Surroundings } from './command.ts'
import { doctorCommand } from './commands/doctor.ts'
import { keysCommand } from './commands/keys.ts'
import { migrateCommand } from './commands/migrate.ts'
import { seedCommand } from './commands/seed.ts'
import { signingKeyCommand } from './commands/signing-key.ts'
import { tenantCommand } from './commands/tenant.ts'
import { tokenCommand } from './commands/token.ts'
import { userCommand } from './commands/user.ts'
import type { Terminal } from './terminal.ts'

const exitCodes = { done: 0, failed: 1, usage: 2 } as const

/** Runs what was typed after the name of the program; answers its exit code. */
export async function run(
  typed: readonly string[],
  terminal: Terminal,
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  let code: number = exitCodes.done
  const show = ({ text, data, failed = false }: Shown, asJson: boolean) => {
    terminal.out(`${asJson ? JSON.stringify(data, null, 2) : text}\n`)
    if (failed) code = exitCodes.failed
  }
  const program = createProgram({ environment, show }, terminal)
  try {
    await program.parseAsync(typed, { from: 'user' })
    return code
  } catch (error) {
    // Help and version end a run too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    if (typed.includes('--json')) terminal.out(`${JSON.stringify({ error: told(error) }, null, 2)}\n`)
    else terminal.error(`${inLines(error, program)}\n`)
    return exitCodes.failed
  }
}

/** What its help is read from; `run` runs it. */
export function createProgram(surroundings: Surroundings, { out, error, width }: Terminal): Command {
  const program = new Command('tenantry')
    .description(
      'Works on an installation of Tenantry: that of DATABASE_URL, or the embedded one of DATA_DIR (.tenantry).',
    )
    .version(version)
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed or refused, 2 wrong usage.\nVariables come from the environment and from .env: see docs/configuration.md.',
    )
  const commands = [
    migrateCommand,
    seedCommand,
    doctorCommand,
    tenantCommand,
    userCommand,
    keysCommand,
    signingKeyCommand,
    tokenCommand,
  ]
  for (const command of commands) program.addCommand(command(surroundings))
  for (const command of everyCommand(program)) {
    command
      .exitOverride()
      .configureOutput({ writeOut: out, writeErr: error, ...(width ? { getOutHelpWidth: () => width } : {}) })
      .showHelpAfterError('See --help for examples.')
  }
  return program
}

export const everyCommand = (command: Command): Command[] => [command, ...command.commands.flatMap(everyCommand)]

/** What an operation refuses, by its code; anything else as it is explained to who starts a service. */
function told(error: unknown) {
  if (error instanceof AppError) return { code: error.code, message: error.message, ...error.details }
  return { message: explainFailure(error) }
}

function inLines(error: unknown, program: Command): string {
  if (!(error instanceof AppError)) return explainFailure(error)
  const issues = (error.details.issues ?? []).map(({ path, message }) => `  ${asTyped(path, program)}: ${message}`)
  return [`${error.message} (${error.code})`, ...issues].join('\n')
}

/** An option is named as the field that it fills, in the spelling of options. */
function asTyped(path: string, program: Command): string {
  const [field = ''] = path.split('.')
  const options = everyCommand(program).flatMap(({ options }) => options)
  return options.find((option) => option.attributeName() === field)?.long ?? path
}
