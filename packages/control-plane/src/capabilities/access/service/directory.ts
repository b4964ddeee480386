import { sharedLookUp } from '@tenantry/kernel/cache/shared-look-up'
import { type Actor, actorKey } from '@tenantry/kernel/context/actor'
import type { Directory, TenantAccess } from '@tenantry/kernel/context/dependencies'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { LRUCache } from 'lru-cache'
import { type AccessRow, findMemberAccess, findTenant, listOwnTenantIds } from '../repository.ts'
import type { ScopeCatalogue } from '../rules/scopes.ts'
import { effectivePermissions, keyPermissions, platformPermissions } from './effective.ts'
import { createPeople, type PeopleOptions } from './known-people.ts'

/** Security facts are at most a second old, with the call that stands on them. */
const accessMilliseconds = 800

const pipeline: Actor = { type: 'system', name: 'directory' }

export interface DirectoryOptions extends Omit<PeopleOptions, 'cacheSize'> {
  scopes: ScopeCatalogue
  /** What a tenant has now. */
  featuresOf(tenant: Pick<TenantAccess['tenant'], 'plan' | 'featureOverrides'>): ReadonlySet<string>
  /** A tenant as it stands now, on the plan that was to hold by now. */
  tenantNow(stored: AccessRow): AccessRow
  /** How many callers' answers are kept in memory. */
  cacheSize?: number
  /** That somebody came in. */
  noteSeen(userId: string): void
}

interface Found {
  access: TenantAccess | null
  /** How often tenants had changed when the look-up began. */
  askedAt: number
  /** When the plan changes, or the first of the features ends that the tenant has for itself; a time in milliseconds. */
  endsAt: number
}

/** Answers the pipeline: which user is this identity, what may this actor do in that tenant. */
export function createDirectory(options: DirectoryOptions): Directory {
  const { database, clock, cacheSize = 50_000, noteSeen } = options
  const people = createPeople({ ...options, cacheSize })
  const found = new LRUCache<string, Promise<Found>>({ max: cacheSize, ttl: accessMilliseconds })
  let changes = 0
  // Longer than anything that was found before the change is kept.
  const changed = new LRUCache<string, number>({ max: cacheSize, ttl: 2 * accessMilliseconds })
  const own = new LRUCache<string, Promise<string[]>>({ max: cacheSize, ttl: accessMilliseconds })

  const lastChange = ({ id, path }: TenantAccess['tenant']) =>
    Math.max(changed.get(id) ?? 0, ...path.map((ancestor) => changed.get(ancestor) ?? 0))

  return {
    async signIn(identity) {
      const { id, isActive } = await people.signIn(identity)
      if (isActive) noteSeen(id)
      const { email, emailVerified, name } = identity
      const refusal = isActive ? null : authErrors.user_deactivated()
      return { id, email: emailVerified ? email : null, name, refusal }
    },

    async findAccess(actor, tenantRef) {
      if (!isReference(tenantRef)) return null
      const key = `${actorKey(actor)} ${tenantRef}`
      const looking = sharedLookUp(found, key, () => load(options, actor, { tenantRef, askedAt: changes }))
      const { access, askedAt, endsAt } = await looking
      // Which tenant it was not found in, nobody knows: whoever joined one just now must not wait.
      if (askedAt < (access ? lastChange(access.tenant) : changes) || endsAt <= clock.now().getTime()) {
        // All who waited for it come by here: the first looks again, the others wait for that.
        if (found.get(key) === looking) found.delete(key)
        return narrowed(
          options,
          actor,
          (await sharedLookUp(found, key, () => load(options, actor, { tenantRef, askedAt: changes }))).access,
        )
      }
      return narrowed(options, actor, access)
    },

    forget(tenantId) {
      changes += 1
      changed.set(tenantId, changes)
    },

    forgetSignIns: people.forgetSignIns,

    forgetUser(userId) {
      people.forgetStandings()
      for (const key of found.keys()) if (key.startsWith(`user:${userId} `)) found.delete(key)
    },

    changedUsers: people.changedSinceLast,

    async findTenantId(tenantRef) {
      if (!isReference(tenantRef)) return null
      const row = await database.platformUnit({ actor: pipeline, readOnly: true }, (em) => findTenant(em, tenantRef))
      return row?.tenantId ?? null
    },

    async ownTenantIds(actor) {
      if (actor.type !== 'user' && actor.type !== 'platformAdmin') return []
      return sharedLookUp(own, actor.id, () =>
        database.userUnit({ userId: actor.id, readOnly: true }, listOwnTenantIds),
      )
    },
  }
}

/** What an id, a slug or an externalId may look like; the database cannot even be asked for some other texts. */
const isReference = (tenantRef: string) => /^[\x21-\x7e]{1,128}$/.test(tenantRef)

async function load(
  options: DirectoryOptions,
  actor: Actor,
  { tenantRef, askedAt }: { tenantRef: string; askedAt: number },
): Promise<Found> {
  const { database } = options
  const stored =
    actor.type === 'user'
      ? await database.userUnit({ userId: actor.id, readOnly: true }, (em) => findMemberAccess(em, tenantRef))
      : await database.platformUnit({ actor: pipeline, readOnly: true }, (em) => findTenant(em, tenantRef))
  const now = options.clock.now().getTime()
  const expiries = (stored?.featureOverrides ?? []).map(({ expiresAt }) => expiresAt)
  const ends = [...expiries, stored?.scheduledChange?.effectiveAt].map((end) =>
    end ? Date.parse(end) : Number.POSITIVE_INFINITY,
  )
  return {
    access: stored && toAccess(options, options.tenantNow(stored)),
    askedAt,
    endsAt: Math.min(...ends.filter((end) => end > now)),
  }
}

function toAccess({ scopes, featuresOf }: DirectoryOptions, row: AccessRow): TenantAccess {
  const { tenantId, slug, status, statusReason, path, inactiveAncestor, plan, featureOverrides } = row
  const { timezone, formerTimezones } = row
  const statusUntil = row.statusUntil === null ? null : new Date(row.statusUntil)
  const state = { status, statusReason, statusUntil, path, inactiveAncestor }
  const [firstAbove] = row.role === null ? row.customRoles : []
  return {
    tenant: {
      id: tenantId,
      slug,
      ...state,
      plan,
      featureOverrides,
      timezone,
      formerTimezones,
      createdAt: new Date(row.createdAt),
    },
    role: row.role,
    inheritedFrom: row.inheritedFrom ?? firstAbove?.tenantId ?? null,
    ...effectivePermissions(row, scopes, featuresOf(row)),
  }
}

/** Callers that are no members hold what they were given, or everything a tenant knows. */
function narrowed(
  { scopes, featuresOf }: DirectoryOptions,
  actor: Actor,
  access: TenantAccess | null,
): TenantAccess | null {
  if (!access || actor.type === 'user' || actor.type === 'anonymous') return access
  if (actor.type !== 'apiKey') return { ...access, ...platformPermissions(actor, scopes) }
  if (actor.tenantId !== access.tenant.id) return null
  return { ...access, ...keyPermissions(actor.scopes, scopes, featuresOf(access.tenant)) }
}
