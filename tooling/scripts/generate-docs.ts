import { writeFile } from 'node:fs/promises'
import { commandLinePage } from './command-line-page.ts'
import { configurationPage } from './configuration-page.ts'
import { errorsPage } from './errors-page.ts'

/** The pages that the code writes, by path from the root of the repository. */
export const generatedDocs = (): Record<string, string> => ({
  'docs/errors.md': errorsPage(),
  'docs/configuration.md': configurationPage(),
  'docs/cli.md': commandLinePage(),
})

if (import.meta.main) {
  for (const [path, text] of Object.entries(generatedDocs())) {
    await writeFile(new URL(`../../${path}`, import.meta.url), text)
    process.stdout.write(`${path}\n`)
  }
}
