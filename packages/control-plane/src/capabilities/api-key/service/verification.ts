import { createNotedTimes } from '@tenantry/kernel/cache/noted-times'
import { sharedLookUp } from '@tenantry/kernel/cache/shared-look-up'
import type { Actor } from '@tenantry/kernel/context/actor'
import type { Client } from '@tenantry/kernel/context/audit-record'
import type { Dependencies, KeyIdentity, TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { ReadTenant } from '@tenantry/kernel/context/request-context'
import { apiKeyUseErrors, authErrors } from '@tenantry/kernel/contract/errors'
import type { ApiKeyFlaw, ApiKeyTexts } from '@tenantry/kernel/crypto/api-key-text'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { lapsed } from '@tenantry/kernel/errors/lapsed'
import { isUuid } from '@tenantry/kernel/tenancy/id'
import { LRUCache } from 'lru-cache'
import { featuresOf, type PlanCatalogue } from '../../plan/index.ts'
import { readSettings } from '../../settings/index.ts'
import { inactiveUser, keyFacts, type SignedApiKey, touchApiKeys } from '../repository.ts'
import { accessRefusal } from './access-refusal.ts'
import type { ApiKeys } from './known-keys.ts'
import { createRememberedKeys, factMilliseconds, type RememberedKey, unknownKey } from './remembered-keys.ts'

export interface ApiKeyOptions extends Pick<Dependencies, 'database' | 'directory' | 'clock' | 'logger'> {
  texts: ApiKeyTexts
  catalogue: PlanCatalogue
  /** Whether keys that platform operators made do anything. */
  platformAccess: boolean
  /** How many keys, and how many texts that are none, are kept in memory. */
  cacheSize?: number
}

/** Longer than a key is remembered, with the transaction that changes it, and what clocks differ by. */
const lookBackMilliseconds = 60_000

const keeper: Actor = { type: 'system', name: 'api-keys' }

const flaws: Record<ApiKeyFlaw, string> = {
  malformed: 'This is no whole API key: it may have been cut or mistyped.',
  other_environment: 'This API key is for another environment.',
  not_ours: unknownKey,
}

interface TenantFacts {
  enabled: boolean
  /** Keys that were revoked or rotated lately. */
  changed: ReadonlySet<string>
  /** Its id, slug and externalId. */
  names: string[]
}

/** Asks the database once a second at the most what a tenant and a key's creator may do, and less often for the key. */
export function createApiKeys({
  texts,
  catalogue,
  platformAccess,
  cacheSize = 10_000,
  ...parts
}: ApiKeyOptions): ApiKeys {
  const { database, directory, clock } = parts
  const keys = createRememberedKeys({ database, clock, cacheSize })
  const tenants = new LRUCache<string, Promise<TenantFacts>>({ max: cacheSize, ttl: factMilliseconds })
  const operators = new LRUCache<string, Promise<{ isInactive: boolean }>>({ max: cacheSize, ttl: factMilliseconds })
  const uses = createNotedTimes({
    ...parts,
    mostNoted: cacheSize,
    write: (times) => database.platformUnit({ actor: keeper, readOnly: false }, (em) => touchApiKeys(em, times)),
  })

  async function readTenant(tenantId: string): Promise<TenantFacts> {
    const since = new Date(clock.now().getTime() - lookBackMilliseconds).toISOString()
    const read: ReadTenant = (query, values) => database.tenantRead({ tenantId }, query, values)
    const [{ features }, [facts]] = await Promise.all([readSettings(read), read(keyFacts, [since])])
    const names = [tenantId, facts?.slug ?? [], facts?.externalId ?? []].flat()
    return { enabled: features.apiAccessEnabled, changed: new Set(facts?.changed), names }
  }

  /** Of a key that an operator made as such: no membership tells. */
  async function isOfInactiveOperator({ createdByType, createdById }: SignedApiKey): Promise<boolean> {
    if (createdByType !== 'platformAdmin' || !isUuid(createdById)) return false
    const { isInactive } = await sharedLookUp(operators, createdById, async () => {
      const rows = await database.platformRead(keeper, { text: inactiveUser, values: [createdById] })
      return { isInactive: rows.length > 0 }
    })
    return isInactive
  }

  function refusalOf(
    { key, isAllowedFrom }: RememberedKey,
    { tenant, enabled }: { tenant: TenantAccess['tenant']; enabled: boolean },
    { address }: Client,
  ): AppError | null {
    if (isAllowedFrom && (address === null || !isAllowedFrom(address))) return authErrors.ip_not_allowed()
    if (key.createdByType === 'platformAdmin' && !platformAccess)
      return apiKeyUseErrors.access_disabled({}, 'A platform operator made this API key, and PLATFORM_ACCESS is false.')
    const features = featuresOf(catalogue, tenant, clock.now())
    return accessRefusal(catalogue, { plan: tenant.plan, features, enabled })
  }

  return {
    texts,

    async verify(text, client) {
      const read = texts.read(text)
      if (typeof read === 'string') throw authErrors.unauthenticated({}, flaws[read])
      const credential = `${read.id}:${read.digest}`
      let known = await keys.findAlive(credential)
      const { tenantId } = known.key
      const [creator, { enabled, changed, names }, isOver] = await Promise.all([
        directory.findAccess(creatorOf(known.key), tenantId),
        sharedLookUp(tenants, tenantId, () => readTenant(tenantId)),
        isOfInactiveOperator(known.key),
      ])
      if (changed.has(read.id)) known = await keys.findAlive(credential, true)
      if (isOver) throw lapsed('The operator who made this API key is active no longer.')
      if (!creator) throw lapsed('Who made this API key has no access to its tenant any more.')
      const refusal = refusalOf(known, { tenant: creator.tenant, enabled }, client)
      if (!refusal) uses.note(read.id)
      return { ...identityOf(known, creator), tenantNames: names, refusal }
    },

    forget: keys.forget,
    forgetTenant: (tenantId) => {
      tenants.delete(tenantId)
      keys.forgetTenant(tenantId)
    },
    flush: uses.flush,
  }
}

/** A key that no user made stands for itself: it is the tenant's own, which may revoke it. */
const creatorOf = ({ createdByType, createdById, id, tenantId, scopes }: SignedApiKey): Actor =>
  createdByType === 'user'
    ? { type: 'user', id: createdById, email: null, name: null }
    : { type: 'apiKey', id, tenantId, scopes }

type Identity = Omit<KeyIdentity, 'refusal' | 'tenantNames'>

/** What each key was last allowed, and by what its creator could do then. */
const lastIdentities = new WeakMap<RememberedKey, { creator: TenantAccess; identity: Identity }>()

function identityOf(known: RememberedKey, creator: TenantAccess): Identity {
  const last = lastIdentities.get(known)
  if (last?.creator === creator) return last.identity
  const { id, tenantId, createdByType: type, createdById } = known.key
  const scopes = known.key.scopes.filter((scope) => creator.scopes.has(scope))
  const withheld = new Map([...creator.withheld].filter(([scope]) => known.key.scopes.includes(scope)))
  const held = type === 'user' ? new Set([...creator.scopes, ...creator.withheld.keys()]) : null
  const key = { given: new Set(known.key.scopes), creator: { type, id: createdById, scopes: held } }
  const identity = {
    actor: { type: 'apiKey' as const, id, tenantId, scopes },
    access: { ...creator, role: null, inheritedFrom: null, scopes: new Set(scopes), withheld, sources: [], key },
  }
  lastIdentities.set(known, { creator, identity })
  return identity
}
