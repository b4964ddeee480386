import pg from 'pg'

/**
 * A pooled session that forgets what a failed transaction may have left in it: settings, a role, listeners. Statements
 * of a failed transaction are the ones an attacker had a hand in.
 */
export class ResettingClient extends pg.Client {
  // pg declares eight overloads; this one forwards whatever it was given.
  override query(...args: unknown[]): never {
    const forward = super.query.bind(this) as (...forwarded: unknown[]) => Promise<unknown>
    const result = forward(...args)
    if (args[0] !== 'rollback') return result as never
    return result.then(() => forward('reset role; reset all; unlisten *')) as never
  }
}
