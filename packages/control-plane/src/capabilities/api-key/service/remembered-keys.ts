import { sharedLookUp } from '@tenantry/kernel/cache/shared-look-up'
import type { Clock } from '@tenantry/kernel/context/clock'
import type { Database } from '@tenantry/kernel/context/dependencies'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { lapsed } from '@tenantry/kernel/errors/lapsed'
import { type AddressRanges, addressRanges } from '@tenantry/kernel/network/address-ranges'
import { LRUCache } from 'lru-cache'
import { type SignedApiKey, signedApiKey } from '../repository.ts'

export interface RememberedKey {
  key: SignedApiKey
  validUntil: Date | null
  isAllowedFrom: AddressRanges | null
}

export interface RememberedKeys {
  /**
   * `credential` is id and digest; `isChangeable` is for a key that may have changed less than a second ago. Throws
   * `auth.unauthenticated` for none that is alive.
   */
  findAlive(credential: string, isChangeable?: boolean): Promise<RememberedKey>
  forget(id: string): void
  forgetTenant(tenantId: string): void
}

export interface RememberedKeysOptions {
  database: Database
  clock: Clock
  cacheSize: number
}

interface Look {
  known: RememberedKey | null
  /** How often tenants had changed when it began. */
  askedAt: number
}

/** Security facts are at most this old. */
export const factMilliseconds = 1_000
/** A key that nobody has changed stays what it is: whether somebody has is one of the facts about its tenant. */
const keyMilliseconds = 15_000

export const unknownKey = 'This API key is not known here, or it was revoked.'

/** Also what was found to be no key, within the same bounds. */
export function createRememberedKeys({ database, clock, cacheSize }: RememberedKeysOptions): RememberedKeys {
  // By id and digest, whose bytes nobody can choose: how long a comparison takes tells nothing.
  const looks = new LRUCache<string, Promise<Look>>({ max: cacheSize, ttl: keyMilliseconds })
  const changed = new LRUCache<string, number>({ max: cacheSize, ttl: 2 * keyMilliseconds })
  let changes = 0

  async function find(credential: string): Promise<Look> {
    const askedAt = changes
    const [key] = await database.identityRead<SignedApiKey>(`api-key:${credential}`, signedApiKey)
    if (!key) return { known: null, askedAt }
    const validUntil = key.validUntil === null ? null : new Date(key.validUntil)
    const isAllowedFrom = key.ipAllowlist.length === 0 ? null : addressRanges(key.ipAllowlist)
    return { known: { key, validUntil, isAllowedFrom }, askedAt }
  }

  const isOlderThanFacts = (credential: string) =>
    looks.getRemainingTTL(credential) < keyMilliseconds - factMilliseconds

  async function findKnown(credential: string, isChangeable: boolean): Promise<RememberedKey | null> {
    if (isChangeable && isOlderThanFacts(credential)) looks.delete(credential)
    const looking = sharedLookUp(looks, credential, () => find(credential))
    const { known, askedAt } = await looking
    if (!known || askedAt >= (changed.get(known.key.tenantId) ?? 0)) return known
    // All who waited for it come by here: the first looks again, the others wait for that.
    if (looks.peek(credential) === looking) looks.delete(credential)
    return (await sharedLookUp(looks, credential, () => find(credential))).known
  }

  return {
    async findAlive(credential, isChangeable = false) {
      const known = await findKnown(credential, isChangeable)
      if (!known) throw authErrors.unauthenticated({}, unknownKey)
      if (known.validUntil !== null && known.validUntil <= clock.now())
        throw lapsed('This API key, or this secret of it, has expired.')
      return known
    },

    forget(id) {
      for (const credential of looks.keys()) if (credential.startsWith(`${id}:`)) looks.delete(credential)
    },

    forgetTenant(tenantId) {
      changes += 1
      changed.set(tenantId, changes)
    },
  }
}
