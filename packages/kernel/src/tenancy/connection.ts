import pg from 'pg'
import type { Statement } from '../context/dependencies.ts'
import { QueryBehind } from './query-behind.ts'

/** What a session may have been left with: cursors, named statements, roles, settings, channels. */
const forget = 'close all; deallocate all; reset session authorization; reset role; reset all; unlisten *'

/** What the driver above says. */
const opens = /^(begin|start transaction[a-z ]*)$/

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
 * waited for. A session that cannot end a transaction is lost, and its next statement fails. The driver above would keep
 * its place in the pool for ever if it heard of it at once.
 */
export class ForgettingClient extends pg.Client {
  /** What waits for the first statement. */
  #opening: Statement[] = []
  /** From the driver's begin to its end: whatever else says begin in between is a statement like any other. */
  #begun = false
  #readOnly = false

  // pg declares eight overloads; this one forwards whatever it was given.
  override query(...args: unknown[]): never {
    const [text, values] = args
    if (typeof text === 'string') return this.#send(text, values as unknown[] | undefined) as never
    // A cursor sends itself. What fails here has left no transaction to it, or one in which it fails too.
    this.#openAlone().catch(() => undefined)
    return super.query(...(args as [never])) as never
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
    if (!this.#begun && opens.test(text)) {
      this.#begun = true
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
    if (!/;\s*\S/.test(text)) return this.#behind(this.#opening.splice(0), { text, values })
    // Only the simple protocol takes several statements at once.
    await this.#openAlone()
    return super.query(text, values)
  }

  async #openAlone(): Promise<void> {
    const ahead = this.#opening.splice(0)
    const last = ahead.pop()
    if (last) await this.#behind(ahead, last)
  }

  #end(text: 'commit' | 'rollback'): Promise<unknown> {
    this.#begun = false
    if (this.#opening.length > 0) {
      this.#opening = []
      return Promise.resolve(unsent)
    }
    const ended: Promise<unknown> = super.query(`${text}; ${forget}`)
    // As an error of the connection: the pool that has this session back by then hears of nothing else.
    const giveUp = (error: Error) => {
      this.connection.stream.destroy(error)
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
