import { createHash } from 'node:crypto'
import { sharedLookUp } from '@tenantry/kernel/cache/shared-look-up'
import { type Actor, actorKey } from '@tenantry/kernel/context/actor'
import type { Clock } from '@tenantry/kernel/context/clock'
import type { Database, Directory, Identity, TenantAccess } from '@tenantry/kernel/context/dependencies'
import { authErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { LRUCache } from 'lru-cache'
import {
  type AccessRow,
  findMemberAccess,
  findTenant,
  findUserId,
  listClaimableOwnerships,
  listOwnTenantIds,
  signInUser,
} from './repository.ts'
import { mayManage, missingFrom } from './rules/grants.ts'
import { everyTenantScope, roleScopes } from './rules/scopes.ts'

/** Security facts are at most a second old, with the call that stands on them. */
const accessMilliseconds = 800
const userMilliseconds = 300_000

const pipeline: Actor = { type: 'system', name: 'directory' }

export interface DirectoryOptions {
  database: Database
  clock: Clock
  /** How many callers' answers are kept in memory. */
  cacheSize?: number
  /** Makes a user an owner of a tenant that was waiting for the verified address, before the user is answered. */
  claimOwnership(user: SignedInUser, tenantId: string): Promise<void>
}

export interface SignedInUser {
  id: string
  /** In small letters. */
  email: string
  name: string | null
}

interface Found {
  access: TenantAccess | null
  /** How often tenants had changed when the look-up began. */
  askedAt: number
}

/** Answers the pipeline: which user is this identity, what may this actor do in that tenant. */
export function createDirectory(options: DirectoryOptions): Directory {
  const { database, cacheSize = 50_000 } = options
  const users = new LRUCache<string, Promise<{ id: string }>>({ max: cacheSize, ttl: userMilliseconds })
  const found = new LRUCache<string, Promise<Found>>({ max: cacheSize, ttl: accessMilliseconds })
  let changes = 0
  // Longer than anything that was found before the change is kept.
  const changed = new LRUCache<string, number>({ max: cacheSize, ttl: 2 * accessMilliseconds })
  const own = new LRUCache<string, Promise<string[]>>({ max: cacheSize, ttl: accessMilliseconds })

  const lastChange = ({ id, path }: TenantAccess['tenant']) =>
    Math.max(changed.get(id) ?? 0, ...path.map((ancestor) => changed.get(ancestor) ?? 0))

  return {
    async signIn(identity) {
      const digest = knownDigest(identity)
      const { id } = await sharedLookUp(users, digest, () => signIn(options, identity, digest))
      return { id, email: identity.emailVerified ? identity.email : null, name: identity.name }
    },

    async findAccess(actor, tenantRef) {
      if (!isReference(tenantRef)) return null
      const key = `${actorKey(actor)} ${tenantRef}`
      const looking = sharedLookUp(found, key, () => load(database, actor, tenantRef, changes))
      const { access, askedAt } = await looking
      // Which tenant it was not found in, nobody knows: whoever joined one just now must not wait.
      if (askedAt < (access ? lastChange(access.tenant) : changes)) {
        // All who waited for it come by here: the first looks again, the others wait for that.
        if (found.get(key) === looking) found.delete(key)
        return narrowed(actor, (await sharedLookUp(found, key, () => load(database, actor, tenantRef, changes))).access)
      }
      return narrowed(actor, access)
    },

    forget(tenantId) {
      changes += 1
      changed.set(tenantId, changes)
    },

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

async function signIn(
  { database, clock, claimOwnership }: DirectoryOptions,
  identity: Identity,
  digest: string,
): Promise<{ id: string }> {
  const { issuer, subject, name } = identity
  const email = identity.emailVerified ? identity.email?.toLowerCase() : undefined
  if (!email) {
    const id = await database.identityUnit(digest, (em) => findUserId(em, issuer, subject))
    if (id !== null) return { id }
    throw authErrors.unauthenticated({}, 'The issuer has not verified the e-mail address of this account.')
  }
  const { id, claimable } = await database.identityUnit(digest, async (em) => ({
    id: await signInUser(em, { issuer, subject, email, name, at: clock.now() }),
    claimable: await listClaimableOwnerships(em),
  }))
  for (const tenantId of claimable) await claimOwnership({ id, email, name }, tenantId)
  return { id }
}

/** A verified token gives the same identity each time, and hashing it anew would cost a tenth of a warm read. */
const digests = new WeakMap<Identity, string>()

function knownDigest(identity: Identity): string {
  const digest = digests.get(identity) ?? identityDigest(identity)
  digests.set(identity, digest)
  return digest
}

/** What the database checks a sign-in against: who it is, and everything it says, each part hashed by itself. */
function identityDigest({ issuer, subject, email, emailVerified, name }: Identity): string {
  const says = emailVerified && email ? [email.toLowerCase(), ...(name === null ? [] : [name])] : []
  return `${sha256(`${issuer}|${subject}`)}:${sha256([issuer, subject, ...says].map(sha256).join(''))}`
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function load(database: Database, actor: Actor, tenantRef: string, askedAt: number): Promise<Found> {
  const row =
    actor.type === 'user'
      ? await database.userUnit({ userId: actor.id, readOnly: true }, (em) => findMemberAccess(em, tenantRef))
      : await database.platformUnit({ actor: pipeline, readOnly: true }, (em) => findTenant(em, tenantRef))
  return { access: row && toAccess(row), askedAt }
}

function toAccess({
  tenantId,
  slug,
  status,
  statusReason,
  plan,
  timezone,
  formerTimezones,
  createdAt,
  role,
  inheritedFrom,
  path,
  inactiveAncestor,
}: AccessRow): TenantAccess {
  return {
    tenant: {
      id: tenantId,
      slug,
      status,
      statusReason,
      path,
      inactiveAncestor,
      plan,
      timezone,
      formerTimezones,
      createdAt: new Date(createdAt),
    },
    role,
    inheritedFrom,
    scopes: role === null ? new Set() : roleScopes[role],
  }
}

/** Callers that are no members hold what they were given, or everything a tenant knows. */
function narrowed(actor: Actor, access: TenantAccess | null): TenantAccess | null {
  if (!access || actor.type === 'user' || actor.type === 'anonymous') return access
  if (actor.type === 'apiKey') {
    return actor.tenantId === access.tenant.id ? { ...access, scopes: new Set(actor.scopes) } : null
  }
  const scopes = actor.type === 'service' && actor.scopes ? new Set(actor.scopes) : everyTenantScope
  return { ...access, scopes }
}

/** Nobody grants what they do not hold: `auth.permission_denied` with a scope that is missing, or null. */
export function grantRefusal({ scopes }: Pick<TenantAccess, 'scopes'>, granted: ReadonlySet<string>): AppError | null {
  const missingScope = missingFrom(scopes, granted)
  if (missingScope === undefined) return null
  return authErrors.permission_denied({ missingScope }, `Nobody grants what they do not hold: ${missingScope}.`)
}

/** Throws what `grantRefusal` answers. */
export function refuseGrantBeyond(access: Pick<TenantAccess, 'scopes'>, granted: ReadonlySet<string>): void {
  const refusal = grantRefusal(access, granted)
  if (refusal) throw refusal
}

/** `others` are the scopes of whom the caller is about to change. Throws `auth.permission_denied`. */
export function refuseManaging({ scopes }: Pick<TenantAccess, 'scopes'>, others: ReadonlySet<string>): void {
  if (mayManage(scopes, others)) return
  throw authErrors.permission_denied(
    { missingScope: 'tenant:own' },
    'Only an owner changes the roles of somebody who holds as much as you do, or what you do not.',
  )
}
