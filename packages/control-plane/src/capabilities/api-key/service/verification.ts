import { createNotedTimes } from '@tenantry/kernel/cache/noted-times'
import { sharedLookUp } from '@tenantry/kernel/cache/shared-look-up'
import type { Actor } from '@tenantry/kernel/context/actor'
import type { Client } from '@tenantry/kernel/context/audit-record'
import type { Dependencies, KeyIdentity, TenantAccess } from '@tenantry/kernel/context/dependencies'
import { authErrors } from '@tenantry/kernel/contract/errors'
import type { ApiKeyFlaw, ApiKeyTexts } from '@tenantry/kernel/crypto/api-key-text'
import { lapsed } from '@tenantry/kernel/errors/lapsed'
import { type AddressRanges, addressRanges } from '@tenantry/kernel/network/address-ranges'
import { LRUCache } from 'lru-cache'
import type { PlanCatalogue } from '../../plan/index.ts'
import { readSettings } from '../../settings/index.ts'
import { type SignedApiKey, signedApiKey, touchApiKeys } from '../repository.ts'
import { accessRefusal } from './access-refusal.ts'
import type { ApiKeys } from './known-keys.ts'

export interface ApiKeyOptions extends Pick<Dependencies, 'database' | 'directory' | 'clock' | 'logger'> {
  texts: ApiKeyTexts
  catalogue: PlanCatalogue
  /** How many keys, and how many texts that are none, are kept in memory. */
  cacheSize?: number
}

const keeper: Actor = { type: 'system', name: 'api-keys' }

/** Security facts are at most this old. */
const memoryMilliseconds = 1_000

const unknown = 'This API key is not known here, or it was revoked.'
const flaws: Record<ApiKeyFlaw, string> = {
  malformed: 'This is no whole API key: it may have been cut or mistyped.',
  other_environment: 'This API key is for another environment.',
  not_ours: unknown,
}

interface Known {
  key: SignedApiKey
  validUntil: Date | null
  isAllowedFrom: AddressRanges | null
  /** What it was last allowed, and by what its creator could do then. */
  last?: { creator: TenantAccess; identity: Omit<KeyIdentity, 'refusal'> }
}

/** Asks the database once a second at the most for a key, its tenant's settings, and what its creator may do. */
export function createApiKeys({ texts, catalogue, cacheSize = 10_000, ...parts }: ApiKeyOptions): ApiKeys {
  const { database, directory, clock } = parts
  const memory = { max: cacheSize, ttl: memoryMilliseconds }
  // By id and digest, whose bytes nobody can choose: how long a comparison takes tells nothing.
  const keys = new LRUCache<string, Promise<{ known: Known | null }>>(memory)
  const tenants = new LRUCache<string, Promise<{ enabled: boolean }>>(memory)
  const uses = createNotedTimes({
    ...parts,
    mostNoted: cacheSize,
    write: (times) => database.platformUnit({ actor: keeper, readOnly: false }, (em) => touchApiKeys(em, times)),
  })

  async function find(credential: string): Promise<{ known: Known | null }> {
    const [key] = await database.identityRead<SignedApiKey>(`api-key:${credential}`, signedApiKey)
    if (!key) return { known: null }
    const validUntil = key.validUntil === null ? null : new Date(key.validUntil)
    const isAllowedFrom = key.ipAllowlist.length === 0 ? null : addressRanges(key.ipAllowlist)
    return { known: { key, validUntil, isAllowedFrom } }
  }

  const readTenant = async (tenantId: string) => {
    const { features } = await readSettings((query, values) => database.tenantRead({ tenantId }, query, values))
    return { enabled: features.apiAccessEnabled }
  }

  async function refusalOf({ isAllowedFrom }: Known, { tenant }: TenantAccess, { address }: Client) {
    if (isAllowedFrom && (address === null || !isAllowedFrom(address))) return authErrors.ip_not_allowed()
    const { enabled } = await sharedLookUp(tenants, tenant.id, () => readTenant(tenant.id))
    return accessRefusal(catalogue, { plan: tenant.plan, enabled })
  }

  return {
    texts,

    async verify(text, client) {
      const read = texts.read(text)
      if (typeof read === 'string') throw authErrors.unauthenticated({}, flaws[read])
      const credential = `${read.id}:${read.digest}`
      const { known } = await sharedLookUp(keys, credential, () => find(credential))
      if (!known) throw authErrors.unauthenticated({}, unknown)
      const { validUntil } = known
      if (validUntil !== null && validUntil <= clock.now())
        throw lapsed('This API key, or this secret of it, has expired.')
      const creator = await directory.findAccess(creatorOf(known.key), known.key.tenantId)
      if (!creator) throw lapsed('Who made this API key has no access to its tenant any more.')
      const refusal = await refusalOf(known, creator, client)
      if (!refusal) uses.note(read.id)
      return { ...identityOf(known, creator), refusal }
    },

    forget: (id) => {
      for (const credential of keys.keys()) if (credential.startsWith(`${id}:`)) keys.delete(credential)
    },
    forgetTenant: (tenantId) => {
      tenants.delete(tenantId)
    },
    flush: uses.flush,
  }
}

/** A key that no user made stands for itself: it is the tenant's own, which may revoke it. */
const creatorOf = ({ createdByType, createdById, id, tenantId, scopes }: SignedApiKey): Actor =>
  createdByType === 'user'
    ? { type: 'user', id: createdById, email: null, name: null }
    : { type: 'apiKey', id, tenantId, scopes }

function identityOf(known: Known, creator: TenantAccess): Omit<KeyIdentity, 'refusal'> {
  if (known.last?.creator === creator) return known.last.identity
  const { id, tenantId, slug, externalId } = known.key
  const scopes = known.key.scopes.filter((scope) => creator.scopes.has(scope))
  const withheld = new Map([...creator.withheld].filter(([scope]) => known.key.scopes.includes(scope)))
  const identity = {
    actor: { type: 'apiKey' as const, id, tenantId, scopes },
    access: { ...creator, role: null, inheritedFrom: null, scopes: new Set(scopes), withheld, sources: [] },
    tenantNames: [tenantId, slug, ...(externalId === null ? [] : [externalId])],
  }
  known.last = { creator, identity }
  return identity
}
