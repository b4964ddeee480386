import pg from 'pg'

/** What a session may have been left with: cursors, named statements, roles, settings, channels. */
const forget = 'close all; deallocate all; reset session authorization; reset role; reset all; unlisten *'

/**
 * A pooled session that forgets, in the same round trip as the end of its transaction, whatever the transaction set
 * for longer than itself. A commit that PostgreSQL turned into a rollback, because a statement had failed, throws.
 */
export class ForgettingClient extends pg.Client {
  // pg declares eight overloads; this one forwards whatever it was given.
  override query(...args: unknown[]): never {
    const forward = super.query.bind(this) as (...forwarded: unknown[]) => Promise<unknown>
    if (args[0] === 'rollback') return forward(`rollback; ${forget}`) as never
    if (args[0] === 'commit') return forward(`commit; ${forget}`).then(mustHaveCommitted) as never
    return forward(...args) as never
  }
}

function mustHaveCommitted(results: unknown): unknown {
  const [ended] = results as { command: string }[]
  if (ended?.command !== 'COMMIT') throw new Error('The transaction was rolled back: one of its statements had failed')
  return ended
}
