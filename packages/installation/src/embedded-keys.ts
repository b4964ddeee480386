import { randomBytes } from 'node:crypto'
import { existsSync, unwatchFile, watchFile } from 'node:fs'
import { join } from 'node:path'
import {
  createDevelopmentKey,
  type DevelopmentKey,
  developmentKey,
} from '@tenantry/kernel/authentication/development-issuer'
import { loadOrCreateKeyFile, readKeyFile, replaceKeyFile } from '@tenantry/kernel/crypto/key-file'
import { loginRoles } from '@tenantry/kernel/tenancy/roles'
import type { AcceptedKey, SigningKey } from '@tenantry/kernel/tenancy/signed-context'
import type { Logger } from 'pino'
import { z } from 'zod'
import { ConfigurationError } from './environment.ts'

const secret = z.string().regex(/^[0-9a-f]{64}$/)
const namedKey = z.object({ id: z.string(), secret })

const keySchema = z.object({
  signing: namedKey,
  /** The signing key before, as long as it is still accepted. */
  retiring: namedKey.extend({ until: z.iso.datetime() }).optional(),
  encryption: namedKey,
  developmentIssuer: developmentKey,
  passwords: z.record(z.enum(loginRoles), secret),
})

/** All secrets of an embedded installation. */
export type Keys = z.output<typeof keySchema>

const keyFile = (dataFolder: string) => join(dataFolder, 'keys.json')
const newSecret = () => randomBytes(32).toString('hex')

export const hasKeys = (dataFolder: string): boolean => existsSync(keyFile(dataFolder))

/** Made on first use. */
export const openKeys = (dataFolder: string): Promise<Keys> =>
  explained(
    loadOrCreateKeyFile(
      keyFile(dataFolder),
      () => ({
        signing: { id: 'k1', secret: newSecret() },
        encryption: { id: 'k1', secret: newSecret() },
        developmentIssuer: createDevelopmentKey(),
        passwords: {
          tenantry_owner: newSecret(),
          tenantry_app: newSecret(),
          tenantry_platform: newSecret(),
          tenantry_jobs: newSecret(),
        },
      }),
      keySchema,
    ),
  )

export const readKeys = (dataFolder: string): Promise<Keys> => explained(readKeyFile(keyFile(dataFolder), keySchema))

/** Signs with this key from now on, here and in whatever process watches; the one before is accepted until then, if at all. */
export async function replaceSigningKey(dataFolder: string, next: SigningKey, until: Date | null): Promise<void> {
  const { retiring: _, ...keys } = await readKeys(dataFolder)
  const signing = { id: next.kid, secret: next.secret.toString('hex') }
  const retiring = until && { ...keys.signing, until: until.toISOString() }
  await replaceKeyFile(keyFile(dataFolder), { ...keys, signing, ...(retiring ? { retiring } : {}) }, keySchema)
}

/** The key that development tokens are signed with; no server is needed for it. */
export const findDevelopmentKey = async (dataFolder: string): Promise<DevelopmentKey | null> =>
  hasKeys(dataFolder) ? (await readKeys(dataFolder)).developmentIssuer : null

export const signingKeyOf = ({ id, secret: text }: Keys['signing']): SigningKey => ({
  kid: id,
  secret: Buffer.from(text, 'hex'),
})

/** What the database is to accept. */
export function acceptedKeys({ signing, retiring }: Keys): AcceptedKey[] {
  if (retiring === undefined) return [signingKeyOf(signing)]
  return [signingKeyOf(signing), { ...signingKeyOf(retiring), retiresAt: new Date(retiring.until) }]
}

const watchMilliseconds = 1_000

/** The key to sign with, which another process may replace. A file that cannot be read changes nothing. */
export function watchSigningKey(dataFolder: string, { signing }: Keys, logger: Logger) {
  let current = signingKeyOf(signing)
  const look = () =>
    readKeys(dataFolder).then(
      (keys) => {
        if (keys.signing.id === current.kid) return
        current = signingKeyOf(keys.signing)
        logger.info({ kid: current.kid }, 'contexts are signed with another key')
      },
      (error: Error) => logger.error(error, 'the key file cannot be read'),
    )
  const file = keyFile(dataFolder)
  watchFile(file, { interval: watchMilliseconds, persistent: false }, look)
  // It may have changed since it was read.
  void look()
  return { current: () => current, leave: () => unwatchFile(file, look) }
}

const explained = <Result>(work: Promise<Result>): Promise<Result> =>
  work.catch((cause: Error) => {
    throw new ConfigurationError(cause.message, { cause })
  })
