import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Sealer } from '../context/dependencies.ts'

export interface SealingKey {
  id: string
  key: Buffer
}

const version = 'v1'
const keyLength = 32
const ivLength = 12
const tagLength = 16
const idPattern = /^[A-Za-z0-9_-]{1,32}$/
const base64Pattern = /^[A-Za-z0-9+/_-]+={0,2}$/

/** AES-256-GCM. Seals with the first key and opens with any: rotate by putting a new key in front. */
export function createSealer(keys: readonly SealingKey[]): Sealer {
  const [current] = keys
  if (!current) throw new Error('A sealer needs at least one key.')
  // A key object is set up once; given the bytes, each cipher would do it anew, at five times the cost.
  const known = new Map(keys.map(({ id, key }) => [id, createSecretKey(key)]))
  if (known.size !== keys.length) throw new Error('Two sealing keys have the same id.')
  for (const [index, { id, key }] of keys.entries()) {
    if (!idPattern.test(id) || key.length !== keyLength) throw new Error(`Sealing key ${index + 1} is not valid.`)
  }

  const sealingKey = createSecretKey(current.key)

  return {
    seal(plain, context) {
      const iv = randomBytes(ivLength)
      const cipher = createCipheriv('aes-256-gcm', sealingKey, iv).setAAD(Buffer.from(context))
      const sealed = Buffer.concat([iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return `${version}.${current.id}.${sealed.toString('base64url')}`
    },

    open(sealed, context) {
      const [found, id, text, ...rest] = sealed.split('.')
      const bytes = Buffer.from(text ?? '', 'base64url')
      if (found !== version || id === undefined || rest.length > 0 || bytes.length < ivLength + tagLength) {
        throw new Error('This is not a sealed value.')
      }
      const key = known.get(id)
      if (!key) throw new Error(`The value was sealed with the key "${id}", which is not among the known keys.`)
      return decipher(bytes, key, context)
    },
  }
}

function decipher(bytes: Buffer, key: KeyObject, context: string): string {
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivLength), { authTagLength: tagLength })
  decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-tagLength))
  const plain = decipher.update(bytes.subarray(ivLength, -tagLength))
  try {
    return Buffer.concat([plain, decipher.final()]).toString('utf8')
  } catch (cause) {
    throw new Error('The sealed value does not open: it was altered, or sealed for another context.', { cause })
  }
}

/** Reads `id:base64,id2:base64`, 32 bytes each. Errors name every bad entry by its place: its text may be the key. */
export function parseKeys(text: string): SealingKey[] {
  const entries = text.split(',').map((entry) => parseKey(entry.trim()))
  const problems = entries.flatMap((entry, index) => {
    if (typeof entry === 'string') return [`entry ${index + 1} ${entry}`]
    const first = entries.findIndex((other) => typeof other !== 'string' && other.id === entry.id)
    return first < index ? [`entry ${index + 1} has the id of entry ${first + 1}`] : []
  })
  if (problems.length > 0) throw new Error(`The keys are not valid: ${problems.join('; ')}.`)
  return entries.filter((entry) => typeof entry !== 'string')
}

function parseKey(entry: string): SealingKey | string {
  const [id = '', encoded, ...rest] = entry.split(':')
  if (encoded === undefined || rest.length > 0) return 'is not of the form id:base64'
  if (!idPattern.test(id)) return 'has an id that is not 1 to 32 letters, digits, - or _'
  const key = Buffer.from(encoded, 'base64')
  if (!base64Pattern.test(encoded) || key.length !== keyLength) return `is not ${keyLength} bytes in base64`
  return { id, key }
}
