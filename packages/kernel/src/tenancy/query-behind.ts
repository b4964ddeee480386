import pg from 'pg'
import type { Statement } from '../context/dependencies.ts'

/** What the driver writes to, as far as it is used here. */
interface Wire {
  parse(statement: { text: string }): void
  bind(portal: { values?: readonly unknown[] }): void
  execute(portal: object): void
}

interface DriverQuery {
  prepare(wire: Wire): void
  handleDataRow(message: object): void
  handleCommandComplete(message: object, wire: Wire): void
}

// Undocumented methods of the driver's own query, pinned with its version and covered by tests of both classes.
const Query = pg.Query as unknown as new (
  config: { text: string; values: readonly unknown[] | undefined; queryMode: 'extended' },
  values?: undefined,
  callback?: (error: Error | undefined, result: pg.QueryResult) => void,
) => DriverQuery & pg.Submittable

/**
 * A statement that others go ahead of, in one write and with one answer: the server takes all messages up to the next
 * `Sync` together, and skips what follows the first that fails. What those ahead return is not looked at.
 */
export class QueryBehind extends Query {
  readonly #ahead: readonly Statement[]
  #unanswered: number

  constructor(
    ahead: readonly Statement[],
    { text, values }: Statement,
    callback: (error: Error | undefined, result: pg.QueryResult) => void,
  ) {
    super({ text, values, queryMode: 'extended' }, undefined, callback)
    this.#ahead = ahead
    this.#unanswered = ahead.length
  }

  override prepare(wire: Wire): void {
    for (const { text, values = [] } of this.#ahead) {
      wire.parse({ text })
      wire.bind({ values })
      wire.execute({})
    }
    super.prepare(wire)
  }

  override handleDataRow(message: object): void {
    if (this.#unanswered === 0) super.handleDataRow(message)
  }

  override handleCommandComplete(message: object, wire: Wire): void {
    if (this.#unanswered > 0) this.#unanswered -= 1
    else super.handleCommandComplete(message, wire)
  }
}
