import { createHash } from 'node:crypto'
import pg from 'pg'
import { bindStatement, type ForgettingClient } from './connection.ts'
import { type SigningKey, signContext } from './signed-context.ts'

/** Between values; the function that checks the signature joins them by it again. */
const separator = '\x1f'

/**
 * Two that write at the same time, two that wait for what others hold, two that write for one account each, and one that
 * waits for such an account.
 */
const sessions = 7

/** For functions of the database that take a batch only under a signature of all its values. */
const signBatch = (key: SigningKey, values: readonly string[]): string =>
  signContext(key, 'batch', createHash('sha256').update(values.join(separator)).digest('hex'))

export interface SignedWriter {
  /** The signature of the values, for a function that is called in a transaction of the caller's. */
  sign(values: readonly string[]): string
  /** One statement in a transaction of its own, which has committed when it answers. `$1` is the signature of the values, which follow. */
  write<Row>(text: string, values: readonly string[]): Promise<Row[]>
  close(): Promise<void>
}

/** Writes on sessions of its own, so that what is counted never waits behind requests. Nothing connects before the first. */
export function openSignedWriter(
  config: pg.PoolConfig,
  { signingKey, settings }: { signingKey(): SigningKey; settings: Record<string, string> },
): SignedWriter {
  const pool = new pg.Pool({ ...config, min: 0, max: sessions })
  const ignore = () => undefined
  pool.on('error', ignore)
  // One that is lost between its statement and its return tells nobody else, and would end the process.
  pool.on('connect', (client) => client.on('error', ignore))
  return {
    sign: (values) => signBatch(signingKey(), values),
    write: async <Row>(text: string, values: readonly string[]) => {
      // The pool makes what it was given; pg does not let it say so.
      const client = (await pool.connect()) as pg.PoolClient & ForgettingClient
      try {
        const statement = { text, values: [signBatch(signingKey(), values), ...values] }
        const { rows } = await client.readAlone(bindStatement(settings), statement)
        client.release()
        return rows as Row[]
      } catch (error) {
        client.release(true)
        throw error
      }
    },
    close: () => pool.end(),
  }
}
