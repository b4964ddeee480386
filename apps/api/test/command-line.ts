import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { processEnvironment } from './process-environment.ts'

const main = fileURLToPath(new URL('../../cli/src/main.ts', import.meta.url))

/** What `tenantry … --json` prints, run as a process of its own; throws where it fails. */
export async function runTenantry(
  typed: string,
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, string & string[]>> {
  const words = [main, ...typed.split(' '), '--json']
  const env = { ...processEnvironment, ...environment }
  return JSON.parse((await promisify(execFile)(process.execPath, words, { cwd: tmpdir(), env })).stdout)
}
