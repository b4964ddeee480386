import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'

/** What a context may stand for. The purpose is signed too, so that a user's token is no tenant's. */
export type ContextPurpose = 'tenant' | 'user' | 'identity' | 'platform' | 'batch'

export interface SigningKey {
  kid: string
  secret: Buffer
}

/** A key that PostgreSQL accepts, and until when; as long as it is named unless told. */
export interface AcceptedKey extends SigningKey {
  retiresAt?: Date
}

/** Long enough for any statement that starts a transaction, short enough that a stolen token is soon worthless. */
export const contextLifetimeSeconds = 30

const prepared = new WeakMap<Buffer, KeyObject>()

/** From bytes each signature would take six times as long. */
function preparedKey({ secret }: SigningKey): KeyObject {
  const known = prepared.get(secret) ?? createSecretKey(secret)
  prepared.set(secret, known)
  return known
}

/**
 * `<kid>.<value>.<expiry>.<hmac>`, verified in the database by `tenancy.verify_context`. A bearer secret: it travels as
 * a bound parameter only. The database compares the expiry with its own clock, so the wall clock signs, whatever clock
 * the services read. Throws if the value could be read as more than one part.
 */
export function signContext(key: SigningKey, purpose: ContextPurpose, value: string): string {
  if (!/^[A-Za-z0-9:_-]{1,200}$/.test(value)) throw new TypeError(`A ${purpose} context cannot carry this value`)
  const expiry = Math.floor(Date.now() / 1000) + contextLifetimeSeconds
  const signature = createHmac('sha256', preparedKey(key))
    .update(`${purpose}|${key.kid}|${value}|${expiry}`)
    .digest('hex')
  return `${key.kid}.${value}.${expiry}.${signature}`
}
