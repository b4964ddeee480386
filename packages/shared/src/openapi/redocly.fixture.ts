import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** What Redocly's recommended rules say about an OpenAPI document. */
export async function lintDocument(document: unknown): Promise<{ totals: unknown; problems: unknown[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'openapi-'))
  try {
    await writeFile(join(folder, 'openapi.json'), JSON.stringify(document))
    const cli = join(dirname(createRequire(import.meta.url).resolve('@redocly/cli/package.json')), 'bin/cli.js')
    const words = [cli, 'lint', 'openapi.json', '--extends=recommended', '--format=json']
    const options = { cwd: folder, env: { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' } }
    // It exits with 1 where it finds errors, and reports them all the same.
    const { stdout } = await promisify(execFile)(process.execPath, words, options).catch((failure) => failure)
    return JSON.parse(stdout)
  } finally {
    await rm(folder, { recursive: true })
  }
}
