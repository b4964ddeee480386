import { loadEnvironmentFile } from '@tenantry/installation/environment-file'
import { explainFailure } from '@tenantry/installation/failure'

/** Prints what the work says it did. Exit code 0: done; 1: refused or failed, with the reason. */
export async function runCommand(work: () => Promise<string[]>): Promise<void> {
  try {
    loadEnvironmentFile()
    for (const line of await work()) process.stdout.write(`${line}\n`)
  } catch (error) {
    process.stderr.write(`${explainFailure(error)}\n`)
    process.exitCode = 1
  }
}
