import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits, as they stand in a URL. */
export const makeToken = (): string => randomBytes(32).toString('base64url')

/** A token is random to the last bit, so that a plain hash of it tells nothing and can be looked for. */
export const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex')
