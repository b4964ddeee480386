import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey, SignJWT } from 'jose'
import { z } from 'zod'
import type { Clock } from '../context/clock.ts'
import type { AdminClaim } from './claims.ts'

const lifetimeSeconds = 8 * 60 * 60

/** A private Ed25519 key as a JWK; its keeper stores it, so that tokens survive a restart. */
export const developmentKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().min(1),
  x: z.string().min(1),
  d: z.string().min(1),
})
export type DevelopmentKey = z.infer<typeof developmentKey>

export interface DevelopmentIssuer {
  issuer: string
  audience: string
  publicJwks: JSONWebKeySet
  keys: JWTVerifyGetKey
  platformAdminClaim: AdminClaim
  /** A token for eight hours. Whoever asks is believed: this must not exist in production. */
  sign(user: { email: string; name?: string; platformAdmin?: boolean }): Promise<string>
}

export function createDevelopmentKey(): DevelopmentKey {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return developmentKey.parse({ ...jwk, kid: randomUUID() })
}

export function createDevelopmentIssuer(options: {
  issuer: string
  audience: string
  key: DevelopmentKey
  clock: Clock
}): DevelopmentIssuer {
  const { issuer, audience, key, clock } = options
  const { d: _private, ...publicKey } = key
  const publicJwks = { keys: [{ ...publicKey, alg: 'EdDSA', use: 'sig' }] }
  const platformAdminClaim = { name: 'roles', value: 'platform_admin' }

  async function sign(user: { email: string; name?: string; platformAdmin?: boolean }): Promise<string> {
    const email = user.email.trim().toLowerCase()
    const now = Math.floor(clock.now().getTime() / 1000)
    return new SignJWT({
      email,
      email_verified: true,
      ...(user.name === undefined ? {} : { name: user.name }),
      [platformAdminClaim.name]: user.platformAdmin ? [platformAdminClaim.value] : [],
      amr: ['pwd'],
      auth_time: now,
    })
      .setProtectedHeader({ alg: 'EdDSA', kid: key.kid, typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(email)
      .setIssuedAt(now)
      .setExpirationTime(now + lifetimeSeconds)
      .sign(key)
  }

  return { issuer, audience, publicJwks, keys: createLocalJWKSet(publicJwks), platformAdminClaim, sign }
}
