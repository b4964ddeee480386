import { loadEnvironmentFile } from '@tenantry/installation/environment-file'
import { readEnvironment } from './config.ts'
import { run } from './program.ts'

loadEnvironmentFile()
const terminal = {
  out: (text: string) => process.stdout.write(text),
  error: (text: string) => process.stderr.write(text),
}
process.exitCode = await run(process.argv.slice(2), terminal, readEnvironment())
