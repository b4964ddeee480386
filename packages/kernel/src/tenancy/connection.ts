import pg from 'pg'
import type { Statement } from '../context/dependencies.ts'
import { QueryBehind } from './query-behind.ts'

/** What a session may have been left with: cursors, named statements, roles, settings, channels. */
const forget = 'close all; deallocate all; reset session authorization; reset role; reset all; unlisten *'

const opens = /^(begin|start transaction)\b/

export const bindFunction = 'pg_catalog.set_config'
const binds = `select ${bindFunction}(`

/** Binds settings for the transaction; the tokens among them are parameters and stand in no text. */
export function bindStatement(settings: Record<string, string>): Statement & { values: string[] } {
  const names = Object.keys(settings)
  const calls = names.map((_, index) => `${bindFunction}($${2 * index + 1}, $${2 * index + 2}, true)`)
  return { text: `select ${calls.join(', ')}`, values: Object.entries(settings).flat() }
}

const unsent = { command: '', rowCount: 0, rows: [] }

/**
 * A pooled session that opens a transaction and binds its context in the same write as its first statement, and
 * forgets, in the same write as its end, whatever the transaction set for longer than itself. A commit that PostgreSQL
 * turned into a rollback, because a statement had failed, throws; that of a transaction which could only read is not
 * waited for. A session that cannot end a transaction is lost: it ends, and its next statement fails. The driver above
 * would keep its place in the pool for ever if it heard of it at once.
 */
export class ForgettingClient extends pg.Client {
  /** What waits for the first statement. */
  #opening: Statement[] = []
  #readOnly = false

  // pg declares eight overloads; this one forwards whatever it was given.
  override query(...args: unknown[]): never {
    const [text, values] = args
    const answer =
      typeof text === 'string' ? this.#send(text, values as unknown[] | undefined) : super.query(...(args as [never]))
    return answer as never
  }

  /** In a transaction of its own, which ends with the answer. */
  readAlone(binding: Statement, statement: Statement): Promise<pg.QueryResult> {
    return this.#behind([binding], statement)
  }

  #behind(ahead: Statement[], last: Statement): Promise<pg.QueryResult> {
    return new Promise((resolve, reject) => {
      super.query(new QueryBehind(ahead, last, (error, result) => (error ? reject(error) : resolve(result))))
    })
  }

  #send(text: string, values: unknown[] | undefined): Promise<unknown> {
    if (opens.test(text)) {
      this.#opening = [{ text }]
      this.#readOnly = text.endsWith('read only')
      return Promise.resolve(unsent)
    }
    if (this.#opening.length === 1 && text.startsWith(binds)) {
      this.#opening.push({ text, values })
      return Promise.resolve(unsent)
    }
    if (text === 'rollback' || text === 'commit') return this.#end(text)
    return this.#opening.length > 0 ? this.#open(text, values) : super.query(text, values)
  }

  async #open(text: string, values: unknown[] | undefined): Promise<unknown> {
    const ahead = this.#opening
    this.#opening = []
    // Only the simple protocol takes several statements at once.
    const several = /;\s*\S/.test(text)
    const [last] = several ? ahead.splice(-1) : [{ text, values }]
    const answer = await this.#behind(ahead, last as Statement)
    return several ? super.query(text) : answer
  }

  #end(text: 'commit' | 'rollback'): Promise<unknown> {
    if (this.#opening.length > 0) {
      this.#opening = []
      return Promise.resolve(unsent)
    }
    const ended: Promise<unknown> = super.query(`${text}; ${forget}`)
    const giveUp = () => {
      this.end().catch(() => undefined)
      return unsent
    }
    if (text === 'rollback') return ended.catch(giveUp)
    if (!this.#readOnly) return ended.then(mustHaveCommitted)
    ended.catch(giveUp)
    return Promise.resolve(unsent)
  }
}

function mustHaveCommitted(results: unknown): unknown {
  const [ended] = results as { command: string }[]
  if (ended?.command !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed')
  return ended
}
