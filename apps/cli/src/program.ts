import { version } from '@tenantry/control-plane/version'
import { AppError } from '@tenantry/kernel/errors/app-error'
import { Command, CommanderError } from 'commander'
import { BrokenOffError, RefusedError, type Shown, type Surroundings, UsageError } from './command.ts'
import { doctorCommand } from './commands/doctor.ts'
import { inviteCommand } from './commands/invite.ts'
import { keysCommand } from './commands/keys.ts'
import { limitsCommand } from './commands/limits.ts'
import { memberCommand } from './commands/member.ts'
import { migrateCommand } from './commands/migrate.ts'
import { roleCommand } from './commands/role.ts'
import { seedCommand } from './commands/seed.ts'
import { signingKeyCommand } from './commands/signing-key.ts'
import { tenantCommand } from './commands/tenant.ts'
import { tokenCommand } from './commands/token.ts'
import { usageCommand } from './commands/usage.ts'
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
  const asJson = typed.includes('--json')
  // What the parser says of a mistake is part of the document then.
  const note = (line: string) => terminal.error(`${line}\n`)
  const program = createProgram(
    { environment, show, note },
    asJson ? { ...terminal, error: () => undefined } : terminal,
  )
  try {
    await program.parseAsync(typed, { from: 'user' })
    return code
  } catch (thrown) {
    const [error, done] = thrown instanceof BrokenOffError ? [thrown.cause, thrown.done] : [thrown, null]
    // Help and version end a run too.
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done
    const { lines, ...told } = await tell(error, program)
    if (done !== null && !asJson) terminal.out(`${done.text}\n`)
    if (asJson) terminal.out(`${JSON.stringify({ ...(done?.data ?? {}), error: told }, null, 2)}\n`)
    else if (!(error instanceof CommanderError)) terminal.error(`${lines}\n`)
    return isUsage(error) ? exitCodes.usage : exitCodes.failed
  }
}

const isUsage = (error: unknown) =>
  error instanceof CommanderError ||
  error instanceof UsageError ||
  (error instanceof AppError && error.code === 'request.invalid')

/** What its help is read from; `run` runs it. */
export function createProgram(surroundings: Surroundings, { out, error, width }: Terminal): Command {
  const program = new Command('tenantry')
    .description(
      'Works on an installation of Tenantry: that of DATABASE_URL, or the embedded one of DATA_DIR (.tenantry).',
    )
    .version(version)
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed or refused, 2 wrong usage or a wrong value.\nVariables come from the environment and from .env: see docs/configuration.md.',
    )
  const commands = [
    migrateCommand,
    seedCommand,
    doctorCommand,
    tenantCommand,
    userCommand,
    memberCommand,
    inviteCommand,
    roleCommand,
    keysCommand,
    limitsCommand,
    usageCommand,
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

/** What an operation refuses, by its code; anything else as it is explained to who starts a service. `lines` is for a person. */
async function tell(error: unknown, program: Command) {
  if (error instanceof CommanderError) {
    // Every command takes --json: where it is unknown, none was said.
    const incomplete = error.code === 'commander.help' || error.message.endsWith(`unknown option '--json'`)
    const said = incomplete
      ? 'Say which command: see --help.'
      : error.message.replace(/^error: /, '').replaceAll('\n', ' ')
    return { code: 'usage.invalid', message: said, lines: '' }
  }
  if (error instanceof UsageError) {
    const { typed, message } = error
    return {
      code: 'usage.invalid',
      message,
      issues: [{ path: typed, message }],
      lines: `${typed}: ${message}`,
    }
  }
  if (error instanceof AppError) {
    const { code, message, details } = error
    const issues = (details.issues ?? []).map(({ path, message }) => `  ${asTyped(path, program)}: ${message}`)
    return { code, message, ...details, lines: [`${message} (${code})`, ...issues].join('\n') }
  }
  if (error instanceof RefusedError) return { message: error.message, lines: error.message }
  const { explainFailure } = await import('@tenantry/installation/failure')
  const message = explainFailure(error)
  return { message, lines: message }
}

/** An option or operand is named as it is typed; it fills the field of its name. */
function asTyped(path: string, program: Command): string {
  const [field = ''] = path.split('.')
  const commands = everyCommand(program)
  const option = commands
    .flatMap(({ options }) => options)
    .find((known) => [known.attributeName(), `${known.attributeName()}Ids`].includes(field))
  if (option?.long) return option.long
  const operands = commands.flatMap(({ registeredArguments }) => registeredArguments.map((operand) => operand.name()))
  const operand = operands.find(
    (name) => name === field || field.toLowerCase().endsWith(`${name.replaceAll('-', '')}id`),
  )
  return operand === undefined ? path : `<${operand}>`
}
