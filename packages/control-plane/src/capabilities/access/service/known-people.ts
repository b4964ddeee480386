import { createHash } from 'node:crypto'
import { sharedLookUp } from '@tenantry/kernel/cache/shared-look-up'
import type { Actor } from '@tenantry/kernel/context/actor'
import type { Clock } from '@tenantry/kernel/context/clock'
import type { Database, Identity } from '@tenantry/kernel/context/dependencies'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { LRUCache } from 'lru-cache'
import { findStanding, findUserId, listPendingOwnerships, listStandings, signInUser } from '../repository.ts'

const rememberedMilliseconds = 300_000
/** Security facts are at most a second old, with the call that stands on them. */
const standingMilliseconds = 800
/** Longer than anybody is remembered, and than clocks differ by. */
const listedMilliseconds = rememberedMilliseconds + 60_000

const pipeline: Actor = { type: 'system', name: 'directory' }

export interface SignedInUser {
  id: string
  /** In small letters. */
  email: string
  name: string | null
}

export interface PeopleOptions {
  database: Database
  clock: Clock
  /** How many callers are kept in memory. */
  cacheSize: number
  /** Makes a user an owner of a tenant that was waiting for the verified address, before the user is answered; false where it goes on waiting. */
  claimOwnership(user: SignedInUser, tenantId: string): Promise<boolean>
}

type Standings = ReadonlyMap<string, string>

interface Known {
  id: string
  standing: string
  /** The list that this was last held against. */
  heldAgainst: Standings | null
  /** A tenant that does not act now, or has no room, waits for them as its owner: whatever changes that, they come in then. */
  isAwaited: boolean
}

export interface People {
  /** Throws `auth.unauthenticated`. */
  signIn(identity: Identity): Promise<{ id: string; isActive: boolean }>
  forgetSignIns(email: string): void
  /** What was listed is listed anew. */
  forgetStandings(): void
  /** Whose state has changed since this was last asked, whatever the bus has lost. */
  changedSinceLast(): Promise<string[]>
}

/**
 * The identities that this process has met. Once a second it asks, for all of them in one, whose state has changed: who
 * comes is as a rule known, and costs nothing.
 */
export function createPeople(options: PeopleOptions): People {
  const { database, clock, cacheSize } = options
  const known = new LRUCache<string, Promise<Known>>({ max: cacheSize, ttl: rememberedMilliseconds })
  // By address; as long as what was remembered before.
  const forgotten = new LRUCache<string, number>({ max: cacheSize, ttl: rememberedMilliseconds })
  let forgettings = 0
  const listed = new LRUCache<string, Promise<Standings>>({ max: 1, ttl: standingMilliseconds })
  let lastNoticed: Standings = new Map()

  const list = () =>
    sharedLookUp<Standings>(listed, 'all', () =>
      listStandings(database, pipeline, new Date(clock.now().getTime() - listedMilliseconds)),
    )

  return {
    async signIn(identity) {
      const digest = knownDigest(identity)
      const key = `${digest} ${forgotten.get(identity.email?.toLowerCase() ?? '') ?? 0}`
      const find = () => sharedLookUp(known, key, () => signIn(options, identity, digest), keptWhile)
      const standings = await list()
      const looking = find()
      let person = await looking
      const current = standings.get(person.id)
      if (person.heldAgainst !== standings && current !== undefined && current !== person.standing) {
        // All who waited for it come by here: the first looks again, the others wait for that.
        if (known.get(key) === looking) known.delete(key)
        person = await find()
      }
      person.heldAgainst = standings
      return { id: person.id, isActive: person.standing.startsWith('active') }
    },

    forgetSignIns(email) {
      forgettings += 1
      forgotten.set(email.toLowerCase(), forgettings)
    },

    forgetStandings: () => listed.clear(),

    async changedSinceLast() {
      listed.clear()
      const standings = await list()
      const changed = [...standings].filter(([id, standing]) => lastNoticed.get(id) !== standing)
      lastNoticed = standings
      return changed.map(([id]) => id)
    },
  }
}

const keptWhile = ({ isAwaited }: Known) => (isAwaited ? standingMilliseconds : undefined)

async function signIn({ database, clock, claimOwnership }: PeopleOptions, identity: Identity, digest: string) {
  const { issuer, subject, name } = identity
  const email = identity.emailVerified ? identity.email?.toLowerCase() : undefined
  const { id, standing, pending } = await database.identityUnit(digest, async (em) => {
    const id = email
      ? await signInUser(em, { issuer, subject, email, name, at: clock.now() })
      : await findUserId(em, issuer, subject)
    const standing = id === null ? '' : await findStanding(em, issuer, subject)
    return { id, standing, pending: email ? await listPendingOwnerships(em) : [] }
  })
  if (id === null)
    throw authErrors.unauthenticated({}, 'The issuer has not verified the e-mail address of this account.')
  let isAwaited = false
  if (email && standing.startsWith('active'))
    for (const { tenantId, claimable } of pending)
      if (!claimable || !(await claimOwnership({ id, email, name }, tenantId))) isAwaited = true
  return { id, standing, heldAgainst: null, isAwaited }
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
