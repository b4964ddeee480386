import { createProgram, everyCommand } from '@tenantry/cli/program'

const introduction = `\
# Command line

Generated from the commands of \`apps/cli\` by \`npx -y pnpm generate-docs\`; do not edit.

\`npx -y pnpm tenantry <command>\` works on the installation that the environment or \`.env\` names: with \`DATABASE_URL\` that
database, without it the embedded one of \`DATA_DIR\`, whether its service runs or not. What it changes goes the way of every
operation, as the actor \`system:cli\`, and stands in the audit log as such.

\`--json\` prints one document to standard output; the log goes to standard error. What fails is a document too: \`error\` with
\`message\`, with \`code\` where an operation refused (see errors.md) or what was typed is wrong (\`usage.invalid\`), and with
\`issues\` that name each wrong value. Options, operands and values are checked before anything is opened: exit code 2.
`

const width = 120

/** `docs/cli.md`: the help of every command, as it is printed. */
export function commandLinePage(): string {
  let printed = ''
  const out = (text: string) => {
    printed += text
  }
  const program = createProgram(
    { environment: {}, show: () => undefined, note: () => undefined },
    { out, error: out, width },
  )
  const [, ...commands] = everyCommand(program)
  const sections = commands
    .filter(({ commands: below }) => below.length === 0)
    .map((command) => {
      printed = ''
      command.outputHelp()
      return `## ${nameOf(command)}\n\n\`\`\`\n${printed.trim()}\n\`\`\`\n`
    })
  printed = ''
  program.outputHelp()
  return [introduction, `\`\`\`\n${printed.trim()}\n\`\`\`\n`, ...sections].join('\n')
}

type Command = ReturnType<typeof createProgram>

const nameOf = (command: Command): string =>
  command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
