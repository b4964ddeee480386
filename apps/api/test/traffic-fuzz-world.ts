import { createHmac, randomBytes } from 'node:crypto'
import type { TestTenant, TestUser } from '@tenantry/control-plane/testing'
import { createDevelopmentIssuer, createDevelopmentKey } from '@tenantry/kernel/authentication/development-issuer'
import fc, { type Arbitrary } from 'fast-check'
import type { TestApi } from './api-server.ts'
import { type OpenApiDocument, resolverOf, type Seed } from './document-fuzz-requests.ts'
import { type Vocabulary, validValue } from './document-fuzz-values.ts'
import { bearer } from './http.ts'
import { inputOf, operationCases } from './operation-cases.ts'
import type { World } from './operation-world.ts'

export type FuzzRole = keyof typeof memberships

/** Whom the cases of the operations call by another name, or by none. */
const caseCallers: { [Role in FuzzRole]?: World['caller'] } = {
  anonymous: 'anonymous',
  viewer: 'viewer',
  member: 'member',
  admin: 'admin',
  owner: 'owner',
  'platform admin': 'operator',
}

/** What each caller is a member as; null for nobody's member. */
const memberships = {
  anonymous: null,
  viewer: 'viewer',
  member: 'member',
  admin: 'admin',
  owner: 'owner',
  'owner of another tenant': 'owner',
  'owner of a suspended tenant': 'owner',
  'platform admin': null,
  'broken token': 'owner',
} as const
export const fuzzRoles = Object.keys(memberships) as FuzzRole[]

export interface FuzzCaller {
  role: FuzzRole
  user: TestUser
  /** The tenant it calls about where it does as it should. */
  own: TestTenant
  /** Another tenant, which it may not see unless it is a platform admin. */
  foreign: TestTenant
  credentials: Arbitrary<Record<string, string>>
  /** What it has to do with, as the cases of the operations name it. */
  world: World
}

/** Three tenants that nobody else knows, so that no caller shares a budget with another test. */
export async function makeFuzzCallers(api: TestApi): Promise<FuzzCaller[]> {
  const { installation } = api
  const [home, other, suspended] = await Promise.all([
    installation.createTenant(),
    installation.createTenant(),
    installation.createTenant({ status: 'suspended' }),
  ])
  // Settings may be changed ten times an hour unless the platform says otherwise.
  const settings = { rateLimits: { updatesPerHour: 1_000 } }
  for (const { id } of [home, other]) {
    await installation.callerAs({ type: 'system', name: 'preparation' }, id).tenants.updateSettings({ settings })
  }
  return Promise.all(
    fuzzRoles.map(async (role): Promise<FuzzCaller> => {
      const own = { 'owner of another tenant': other, 'owner of a suspended tenant': suspended }[role as string] ?? home
      const user = await installation.createUser()
      const membership = memberships[role]
      if (membership) await installation.addMember(own.id, user.id, membership)
      const foreign = own === home ? other : home
      const world: World = { tenant: own, other: foreign, user, caller: caseCallers[role] ?? 'stranger' }
      return { role, user, own, foreign, credentials: await credentialsOf(api, { role, user, own }), world }
    }),
  )
}

async function credentialsOf(
  api: TestApi,
  { role, user, own }: Pick<FuzzCaller, 'role' | 'user' | 'own'>,
): Promise<FuzzCaller['credentials']> {
  if (role === 'anonymous') return fc.constant({})
  if (role === 'broken token') return fc.constantFrom(...(await brokenCredentials(api, user)))
  if (role !== 'platform admin') return fc.constant(await api.signedIn(user))
  const token = bearer(await api.issuer.sign({ email: user.email, platformAdmin: true }))
  // Nobody's member: it must say which tenant it means.
  return fc.constantFrom(token, { ...token, 'x-tenant-id': own.slug }, { ...token, 'x-tenant-id': own.id })
}

async function brokenCredentials({ issuer, key }: TestApi, { email }: TestUser): Promise<Record<string, string>[]> {
  const clock = { now: () => new Date() }
  const signedBy = (changed: Partial<Parameters<typeof createDevelopmentIssuer>[0]>) =>
    createDevelopmentIssuer({ issuer: issuer.issuer, audience: issuer.audience, key, clock, ...changed }).sign({
      email,
    })
  const good = await issuer.sign({ email })
  const [header = '', payload = '', signature = ''] = good.split('.')
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const symmetric = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${payload}`
  const tokens = [
    ...['', 'x', 'a.b.c', '..', `${header}.${payload}.`, `${header}.${payload}`, good.slice(0, -4), `${good}x`, '\xe9'],
    ...[`${encoded({ alg: 'none' })}.${payload}.`, `${encoded({ alg: 'EdDSA', kid: '../x' })}.${payload}.${signature}`],
    `${symmetric}.${createHmac('sha256', key.x).update(symmetric).digest('base64url')}`,
    `${header}.${encoded({ sub: email })}.${signature}`,
    'x'.repeat(6_000),
    await signedBy({ key: { ...createDevelopmentKey(), kid: key.kid } }),
    await signedBy({ audience: 'another' }),
    await signedBy({ issuer: 'urn:another' }),
    await signedBy({ clock: { now: () => new Date(0) } }),
  ]
  return [
    ...tokens.map(bearer),
    { authorization: good },
    { authorization: `Basic ${btoa('user:password')}` },
    { 'x-api-key': 'tk_live_0_0_0' },
  ]
}

/** What the fields mean to this caller: its own tenant mostly, meters and plans of the catalogue, the recent past. */
export function vocabularyOf(caller: FuzzCaller, installation: Installed, names: Names): Vocabulary {
  const { own, foreign } = caller
  const tenant = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(own.slug, own.id, 'current') },
    { weight: 1, arbitrary: fc.constantFrom(foreign.slug, foreign.id, 'no-such-tenant', own.id.toUpperCase()) },
  )
  const now = Date.now()
  return {
    resolve: resolverOf(installation.document),
    known: new Map<string, Arbitrary<unknown>>([
      ['tenantId', tenant],
      ['X-Tenant-ID', tenant.filter((reference) => reference !== 'current')],
      ['If-Match', fc.constantFrom('*', '*', '"1"')],
      ['metric', fc.constantFrom(...installation.meters)],
      ['meter', fc.oneof(fc.constantFrom('storage', 'conversations'), fc.constantFrom(...installation.meters))],
      ['amount', fc.integer({ min: -1, max: 50 })],
      // The highest as often as the others together: up leads from where the tenants are to that alone.
      ['plan', fc.oneof(fc.constantFrom(...installation.plans), fc.constantFrom(...installation.plans.slice(-1)))],
      ['expectedVersion', fc.integer({ min: 1, max: 3 })],
      ['settings', installation.settings],
      ...[...names].map(([field, name]): [string, Arbitrary<unknown>] => [field, fc.constant(name)]),
      ['occurredAt', fc.integer({ min: now - 40 * 86_400_000, max: now }).map((time) => new Date(time).toISOString())],
    ]),
  }
}

/** What an installation says of itself by its public doors. */
export interface Installed {
  document: OpenApiDocument
  meters: string[]
  plans: string[]
  /** Patches of the settings document. */
  settings: Arbitrary<unknown>
}

export async function readInstalled(api: TestApi): Promise<Installed> {
  const { caller } = await api.installation.enter()
  const { meters, items } = await caller.plans.list()
  const schema = await caller.settings.schema({})
  return {
    document: (await api.send('/api/openapi.json')).json,
    // Slots are taken by runs, and cannot be tracked.
    meters: meters.filter(({ kind }) => kind !== 'concurrency').map(({ meter }) => meter),
    plans: items.map(({ name }) => name),
    settings: validValue(withoutRequired(schema), {
      resolve: resolverOf(schema),
      known: new Map([['custom', fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }))]]),
    }),
  }
}

/** A patch names what it changes only. */
const withoutRequired = (schema: object): object =>
  JSON.parse(JSON.stringify(schema, (key, value: unknown) => (key === 'required' ? undefined : value)))

/** The inputs that the other suites know to be taken, as this caller would send them. */
export function seedsOf(operationId: string, { world }: FuzzCaller): Arbitrary<Seed> {
  const taken = (operationCases[operationId] ?? []).filter(({ expects }) => expects === 'ok')
  const seeds = taken.map((one) => inputOf(one, world))
  // They name the first version, which is stale once one of them was taken.
  const timeless = seeds.map(({ expectedVersion: _, ...seed }) => seed)
  return seeds.length === 0 ? fc.constant({}) : fc.constantFrom(...timeless, ...timeless, ...seeds)
}

/**
 * Does what comes before a case of the operation that is taken, in the tenant of whoever it is taken of. Answers the ids
 * and tokens that this one names: nobody guesses them.
 */
export async function prepare(api: TestApi, operationId: string, callers: FuzzCaller[]): Promise<Names> {
  const taken = operationCases[operationId]?.find(({ expects }) => expects === 'ok')
  const who = callers.find(({ world }) => world.caller === taken?.as)
  if (!taken || !who) return new Map()
  // A key names an event that is there where something came before.
  const named = taken.before ? /Id$|^token$|^idempotencyKey$/ : /Id$|^token$/
  const namesOf = () =>
    Object.entries(inputOf(taken, who.world)).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === 'string' && entry[0] !== 'tenantId' && named.test(entry[0]),
    )
  if (taken.as !== 'operator' && namesOf().length === 0) return new Map()
  if (taken.as === 'stranger') {
    // Taken in by the tenant of the others, it may see that.
    Object.assign(who, { own: who.foreign, foreign: who.own })
    who.world = { ...who.world, tenant: who.own, other: who.foreign }
  }
  await taken.before?.(api, who.world)
  return new Map(namesOf())
}

/** By field. */
export type Names = ReadonlyMap<string, string>

/** A header that puts every call on an address of its own: the limits by address are not what is tried here. */
export function freshAddress(): { 'x-forwarded-for': string } {
  return { 'x-forwarded-for': [10, ...randomBytes(3)].join('.') }
}
