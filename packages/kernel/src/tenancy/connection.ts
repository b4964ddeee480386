import pg from 'pg'

/** What a session may have been left with: cursors, named statements, roles, settings, channels. */
const forget = 'close all; deallocate all; reset session authorization; reset role; reset all; unlisten *'

const opens = /^(begin|start transaction)\b/

/**
 * A pooled session that forgets, in the same round trip as the end of its transaction, whatever the transaction set
 * for longer than itself. A commit that PostgreSQL turned into a rollback, because a statement had failed, throws.
 * A session that can neither open nor roll back a transaction is lost: it ends, and its next statement fails. The
 * driver above would keep its place in the pool for ever if it heard of it at once.
 */
export class ForgettingClient extends pg.Client {
  // pg declares eight overloads; this one forwards whatever it was given.
  override query(...args: unknown[]): never {
    const forward = super.query.bind(this) as (...forwarded: unknown[]) => Promise<unknown>
    const giveUp = () => {
      this.end().catch(() => undefined)
      return { command: '', rowCount: 0, rows: [] }
    }
    const [text] = args
    if (text === 'rollback') return forward(`rollback; ${forget}`).catch(giveUp) as never
    if (typeof text === 'string' && opens.test(text)) return forward(...args).catch(giveUp) as never
    if (text === 'commit') return forward(`commit; ${forget}`).then(mustHaveCommitted) as never
    return forward(...args) as never
  }
}

function mustHaveCommitted(results: unknown): unknown {
  const [ended] = results as { command: string }[]
  if (ended?.command !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed')
  return ended
}
