import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const repository = fileURLToPath(new URL('../../..', import.meta.url))
const project = fileURLToPath(new URL('..', import.meta.url))

/** The operations' inputs and outputs as the compiler infers them, in types that import nothing. */
export async function operationDeclarations(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'operation-declarations-'))
  try {
    await compile(folder)
    const declarations = await readFile(join(folder, 'tooling/clients/src/served-operations.d.ts'), 'utf8')
    const foreign = /import\(.*\)|^import .*/m.exec(declarations)
    if (foreign) throw new Error(`The operations' types name another module, which no client has: ${foreign[0]}`)
    return declarations
      .replace('export declare const operations: ', 'export type Operations = ')
      .replace('export declare const problem: ', 'export type ProblemDocument = ')
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function compile(outputFolder: string): Promise<void> {
  // The repository's compiler; the one beside this file is there for openapi-typescript, which needs its API.
  const manifest = createRequire(join(repository, 'package.json')).resolve('typescript/package.json')
  const words = [join(dirname(manifest), 'bin/tsc'), '-p', project, '--outDir', outputFolder, '--checkers', '1']
  await promisify(execFile)(process.execPath, words).catch(({ stdout }: { stdout: string }) => {
    throw new Error(`The operations do not compile:\n${stdout}`)
  })
}
