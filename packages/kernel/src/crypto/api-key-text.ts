import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { SealingKey } from './sealer.ts'

export interface NewApiKeyText {
  /** `tk_<env>_<id>_<secret>_<crc>`, to be shown once. */
  text: string
  /** All that is kept of the secret. */
  digest: string
}

/** Why a text is no API key of this installation. */
export type ApiKeyFlaw = 'malformed' | 'other_environment' | 'not_ours'

export interface ApiKeyTexts {
  make(id: string): NewApiKeyText
  /** Needs no look-up: a key that this installation did not make is found out by its own bytes. */
  read(text: string): { id: string; digest: string } | ApiKeyFlaw
}

interface Keys {
  seal: KeyObject
  digest: KeyObject
}

const form = /^tk_([a-z0-9]{1,16})_([0-9a-f]{32})_([0-9a-f]{48})([0-9a-f]{16})_([0-9a-f]{8})$/
const randomLength = 24
const sealLength = 8

/**
 * The end of a secret seals the rest of it, so that made-up keys cost no look-up, whoever sends how many of them. Makes
 * keys under the first encryption key and reads those made under any: one stays listed while keys made under it live.
 */
export function createApiKeyTexts(environment: string, encryptionKeys: readonly SealingKey[]): ApiKeyTexts {
  const known = encryptionKeys.map(
    ({ key }): Keys => ({ seal: derive(key, 'api key seal'), digest: derive(key, 'api key digest') }),
  )
  const [current] = known
  if (!current) throw new Error('API keys need at least one encryption key.')
  if (!/^[a-z0-9]{1,16}$/.test(environment)) throw new Error(`"${environment}" is no environment of API keys.`)

  return {
    make: (id) => {
      const compact = id.replaceAll('-', '')
      const random = randomBytes(randomLength).toString('hex')
      const secret = `${random}${sealOf(current, environment, compact, random).toString('hex')}`
      const body = `tk_${environment}_${compact}_${secret}`
      return { text: `${body}_${checksum(body)}`, digest: digestOf(current, compact, secret) }
    },

    read: (text) => {
      const [, madeFor, compact, random, seal, sum] = form.exec(text) ?? []
      if (!madeFor || !compact || !random || !seal || sum !== checksum(text.slice(0, -9))) return 'malformed'
      if (madeFor !== environment) return 'other_environment'
      const sealed = Buffer.from(seal, 'hex')
      const keys = known.find((one) => timingSafeEqual(sealOf(one, environment, compact, random), sealed))
      return keys ? { id: asUuid(compact), digest: digestOf(keys, compact, `${random}${seal}`) } : 'not_ours'
    },
  }
}

const derive = (key: Buffer, purpose: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync('sha256', key, '', `tenantry ${purpose}`, 32)))

const sealOf = ({ seal }: Keys, environment: string, id: string, random: string): Buffer =>
  createHmac('sha256', seal).update(`${environment}_${id}_${random}`).digest().subarray(0, sealLength)

/** With the id in it, so that a digest stands for the key it was made for and no other. */
const digestOf = ({ digest }: Keys, id: string, secret: string): string =>
  createHmac('sha256', digest).update(`${id}_${secret}`).digest('hex')

const checksum = (body: string): string => crc32(body).toString(16).padStart(8, '0')

const asUuid = (compact: string): string => compact.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
