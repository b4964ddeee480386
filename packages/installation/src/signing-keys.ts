import { randomBytes } from 'node:crypto'
import { withInstallationLock } from '@tenantry/kernel/tenancy/advisory-lock'
import { installSigningKeys, listAcceptedKeys } from '@tenantry/kernel/tenancy/migrate'
import type { SigningKey } from '@tenantry/kernel/tenancy/signed-context'
import { readKeys, replaceSigningKey, signingKeyOf } from './embedded-keys.ts'
import { type CommandVariables, ConfigurationError } from './environment.ts'

export interface Rotated {
  /** Id of the key that is to sign from now on. */
  signs: string
  /** Id of the key that signed until now. */
  retiring: string
}

export interface Retired {
  signs: string
  /** Ids of the keys that are refused from now on. */
  retired: string[]
}

export interface EmbeddedKeys {
  dataFolder: string
  /** URL of `tenantry_owner`. */
  ownerUrl: string
}

/** Takes effect in a running service within a second; the key before is refused once the overlap is over. */
export async function rotateEmbedded(
  { dataFolder, ownerUrl }: EmbeddedKeys,
  overlapMilliseconds: number,
): Promise<Rotated & { until: Date }> {
  return withInstallationLock(ownerUrl, async () => {
    const current = signingKeyOf((await readKeys(dataFolder)).signing)
    const next = await addKey(ownerUrl, current)
    const until = new Date(Date.now() + overlapMilliseconds)
    await replaceSigningKey(dataFolder, next, until)
    // Not before it is replaced: whatever ends this process earlier must not leave a service with a key that ends.
    await installSigningKeys(ownerUrl, [next, { ...current, retiresAt: until }])
    return { signs: next.kid, retiring: current.kid, until }
  })
}

/** Ends an overlap at once. */
export async function retireEmbedded({ dataFolder, ownerUrl }: EmbeddedKeys): Promise<Retired> {
  return withInstallationLock(ownerUrl, async () => {
    const current = signingKeyOf((await readKeys(dataFolder)).signing)
    await replaceSigningKey(dataFolder, current, null)
    return leaveOnly(ownerUrl, current)
  })
}

type External = CommandVariables<'tenantry signing-key'>

/** Makes a key that the database accepts too. Whoever holds it can sign as any tenant: `variable` is a secret. */
export async function rotateExternal(variables: External): Promise<Rotated & { variable: string }> {
  const { MIGRATION_DATABASE_URL: ownerUrl } = variables
  return withInstallationLock(ownerUrl, async () => {
    const current = firstKey(variables)
    const next = await addKey(ownerUrl, current)
    const entries = [next, current].map(({ kid, secret }) => `${kid}:${secret.toString('base64')}`)
    return { signs: next.kid, retiring: current.kid, variable: `CONTEXT_SIGNING_KEYS=${entries.join(',')}` }
  })
}

/** Leaves the first of CONTEXT_SIGNING_KEYS alone. */
export async function retireExternal(variables: External): Promise<Retired> {
  const { MIGRATION_DATABASE_URL: ownerUrl } = variables
  return withInstallationLock(ownerUrl, () => leaveOnly(ownerUrl, firstKey(variables)))
}

function firstKey({ CONTEXT_SIGNING_KEYS: [first] }: External): SigningKey {
  // Reading the variable has refused an empty one.
  if (first === undefined) throw new Error('incomplete')
  return { kid: first.id, secret: first.key }
}

const newKey = (): SigningKey => ({
  kid: `${new Date().toISOString().slice(0, 10)}-${randomBytes(3).toString('hex')}`,
  secret: randomBytes(32),
})

async function addKey(ownerUrl: string, current: SigningKey): Promise<SigningKey> {
  const others = await listOthers(ownerUrl, current)
  if (others.length > 0) {
    throw new ConfigurationError(
      `A rotation is under way: the database accepts ${others.join(', ')} beside ${current.kid}. Let it end by itself, or: once every process signs with ${current.kid}, run pnpm tenantry signing-key retire.`,
    )
  }
  const next = newKey()
  await installSigningKeys(ownerUrl, [current, next])
  return next
}

async function leaveOnly(ownerUrl: string, key: SigningKey): Promise<Retired> {
  const retired = await listOthers(ownerUrl, key)
  await installSigningKeys(ownerUrl, [key])
  return { signs: key.kid, retired }
}

/** Which other keys are accepted. Throws if this one is not: a mistyped or outdated one must not end those in use. */
async function listOthers(ownerUrl: string, { kid, secret }: SigningKey): Promise<string[]> {
  const accepted = await listAcceptedKeys(ownerUrl)
  if (!accepted.some((key) => key.kid === kid && key.secret.equals(secret))) {
    throw new ConfigurationError(
      `The database does not accept this key ${kid}, but: ${accepted.map((key) => key.kid).join(', ')}. Look at CONTEXT_SIGNING_KEYS; nothing was changed.`,
    )
  }
  return accepted.map((key) => key.kid).filter((other) => other !== kid)
}
