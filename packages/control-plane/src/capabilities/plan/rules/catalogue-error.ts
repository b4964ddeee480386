export interface CatalogueProblem {
  /** Null where the file as a whole is meant. */
  line: number | null
  /** Dotted, `plans.free.limits.users`; empty for the whole file. */
  path: string
  message: string
}

/** Everything that is wrong with a catalogue file, one line of the message per problem. */
export class CatalogueError extends Error {
  override readonly name = 'CatalogueError'
  readonly problems: readonly CatalogueProblem[]

  constructor(fileName: string, problems: readonly CatalogueProblem[], options?: ErrorOptions) {
    const lines = problems.map(({ line, path, message }) => {
      const place = line === null ? fileName : `${fileName}:${line}`
      return `  ${path === '' ? place : `${place} ${path}`}: ${message}`
    })
    super(['The plan catalogue cannot be used:', ...lines].join('\n'), options)
    this.problems = problems
  }
}
