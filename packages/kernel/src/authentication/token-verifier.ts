import { hash } from 'node:crypto'
import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../context/clock.ts'
import type { Authenticator, Identity } from '../context/dependencies.ts'
import { authErrors } from '../contract/errors.ts'
import { AppError } from '../errors/app-error.ts'
import { lapsed } from '../errors/lapsed.ts'
import { type AdminClaim, toIdentity } from './claims.ts'
import { jwksKeys } from './issuer-keys.ts'

export interface TrustedIssuer {
  issuer: string
  /** A token must be meant for one of them. */
  audience: string | string[]
  /** The URL of a JWKS, or what finds a key: `discoverIssuer`, `jwksKeys`, a local set. */
  keys: JWTVerifyGetKey | string | URL
  platformAdminClaim?: AdminClaim
  tenantClaim?: string
}

export interface TokenVerifierOptions {
  issuers: readonly TrustedIssuer[]
  clock: Clock
  /** Verified tokens remembered at most. */
  cacheSize?: number
}

// A public key must never serve as an HMAC secret, so the list holds asymmetric algorithms and nothing else.
const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA Ed25519'.split(' ')
const acceptedTypes = new Set(['jwt', 'at+jwt', 'id+jwt'])
const clockToleranceSeconds = 5
/** A verified token is checked against its issuer's keys again after this, so that a withdrawn key loses its tokens. */
const trustedForMilliseconds = 60_000
const maximumTokenLength = 16_384

interface Verified {
  identity: Identity
  trustedUntil: number
}

/** Throws `service.overloaded` where an issuer's keys cannot be had: such a token is neither good nor bad. */
export function createTokenVerifier({ issuers, clock, cacheSize = 10_000 }: TokenVerifierOptions): Authenticator {
  const trusted = new Map(issuers.map((issuer) => [issuer.issuer, { ...issuer, keys: keysOf(issuer) }]))
  const verified = new LRUCache<string, Verified>({ max: cacheSize })

  async function verifyAnew(bearer: string): Promise<Identity> {
    const issuer = trusted.get(decodeJwt(bearer).iss ?? '')
    if (!issuer) throw refused(refusals.issuer)
    const claims = await verifiedClaims(bearer, issuer.keys, {
      algorithms,
      issuer: issuer.issuer,
      audience: issuer.audience,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: clockToleranceSeconds,
      currentDate: clock.now(),
    })
    const { iss = issuer.issuer, sub, exp } = claims
    if (typeof sub !== 'string' || sub === '' || exp === undefined) throw refused(refusals.malformed)
    return Object.freeze(toIdentity({ ...claims, iss, sub, exp }, issuer))
  }

  return {
    async verify(bearer) {
      if (bearer.length > maximumTokenLength) throw refused(refusals.malformed)
      if (bearer.startsWith('tk_')) throw refused(refusals.apiKey)
      const digest = hash('sha256', bearer, 'base64url')
      const known = verified.get(digest)
      if (known && clock.now().getTime() < known.trustedUntil) return known.identity
      verified.delete(digest)
      try {
        const identity = await verifyAnew(bearer)
        const trustedUntil = Math.min(identity.expiresAt.getTime(), clock.now().getTime() + trustedForMilliseconds)
        verified.set(digest, { identity, trustedUntil })
        return identity
      } catch (error) {
        throw toRefusal(error)
      }
    },
  }
}

function keysOf({ keys }: TrustedIssuer): JWTVerifyGetKey {
  return typeof keys === 'function' ? keys : jwksKeys(keys)
}

async function verifiedClaims(bearer: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  const { payload, protectedHeader } = await jwtVerify(bearer, keys, options).catch((error: unknown) => {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyWithAny(bearer, error, options)
    throw error
  })
  const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '') ?? 'jwt'
  if (!acceptedTypes.has(type)) throw refused(refusals.type)
  return payload
}

/** A token that names no key, from an issuer with several. */
async function verifyWithAny(bearer: string, keys: errors.JWKSMultipleMatchingKeys, options: JWTVerifyOptions) {
  for await (const key of keys) {
    try {
      return await jwtVerify(bearer, key, options)
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
  }
  throw new errors.JWSSignatureVerificationFailed()
}

const refusals = {
  expired: 'The token has expired.',
  early: 'The token is not valid yet.',
  audience: 'The token is meant for another audience.',
  issuer: 'The token comes from an issuer that is not trusted here.',
  type: 'The token is of a kind that does not sign anybody in.',
  algorithm: 'The token is not signed with an algorithm that is accepted here.',
  signature: "The token's signature does not hold.",
  key: 'The token is signed with a key that its issuer does not publish.',
  malformed: 'The token is malformed.',
  apiKey: 'This is an API key: send it as X-API-Key.',
}

function refused(message: string, cause?: unknown): AppError {
  return Object.assign(authErrors.unauthenticated({}, message), { cause })
}

function toRefusal(error: unknown): AppError {
  if (error instanceof AppError) return error
  // Of a token whose signature, issuer and audience held: those are looked at first.
  if (error instanceof errors.JWTExpired) return lapsed(refusals.expired)
  if (error instanceof errors.JWTClaimValidationFailed) return refused(claimRefusal(error))
  if (error instanceof errors.JOSEAlgNotAllowed) return refused(refusals.algorithm)
  if (error instanceof errors.JWSSignatureVerificationFailed) return refused(refusals.signature)
  if (error instanceof errors.JWKSNoMatchingKey) return refused(refusals.key)
  // jose's own errors may quote the token; any other one tells of a mistake in how keys are found.
  return refused(refusals.malformed, error instanceof errors.JOSEError ? undefined : error)
}

function claimRefusal({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `The token has no "${claim}" claim.`
  if (claim === 'aud') return refusals.audience
  if (claim === 'iss') return refusals.issuer
  if (claim === 'nbf') return refusals.early
  return refusals.malformed
}
