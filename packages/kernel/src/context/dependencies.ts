import type { EntityManager } from '@mikro-orm/postgresql'
import type { Logger } from 'pino'
import type { Background } from '../background/background.ts'
import type { Bus } from '../bus/bus.ts'
import type { BudgetName } from '../contract/operation.ts'
import type { AppError } from '../errors/app-error.ts'
import type { Actor } from './actor.ts'
import type { AuditRecord, Client } from './audit-record.ts'
import type { Clock } from './clock.ts'
import type { PipelineMetrics } from './pipeline-metrics.ts'
import type { AbuseGuard, Budget, CallQuota, FailureBlock, RateLimits } from './rate-limits.ts'
import type { Sealer } from './sealer.ts'

export type {
  AbuseGuard,
  BlockReason,
  Budget,
  CallQuota,
  ExhaustedQuota,
  FailureBlock,
  RateLimitDecision,
  RateLimits,
} from './rate-limits.ts'

export type { Sealer } from './sealer.ts'

/** A token's claims after its signature, issuer, audience and expiry held. */
export interface Identity {
  issuer: string
  subject: string
  email: string | null
  emailVerified: boolean
  name: string | null
  platformAdmin: boolean
  tenantClaim: string | null
  /** How the user proved who they are (RFC 8176), and when; for the tenant's security settings. */
  authenticationMethods: readonly string[]
  authenticatedAt: Date | null
  expiresAt: Date
}

export interface Authenticator {
  /** Throws `auth.unauthenticated` for anything but a valid token. */
  verify(bearer: string): Promise<Identity>
}

/** A timezone that a tenant had until an instant (ISO 8601), and what its months began with; without, as they do now. */
export interface FormerTimezone {
  timezone: string
  anchor?: 'calendar' | 'subscription'
  until: string
}

/** A feature that a tenant has for itself, or has not, whatever its plan says. */
export interface FeatureOverride {
  feature: string
  granted: boolean
  /** ISO 8601; null is for good. */
  expiresAt: string | null
}

export interface TenantAccess {
  tenant: {
    id: string
    slug: string
    /** Its own; what stands above it may make it inactive all the same. */
    status: string
    statusReason: string | null
    /** When a suspension ends by itself. */
    statusUntil: Date | null
    /** Ids of its ancestors, the root first. */
    path: readonly string[]
    /** The highest ancestor that is not active. */
    inactiveAncestor: { id: string; status: string } | null
    plan: string
    /** Those that have ended may be among them. */
    featureOverrides: readonly FeatureOverride[]
    timezone: string
    /** The oldest first. */
    formerTimezones: readonly FormerTimezone[]
    createdAt: Date
  }
  /** Null for callers that are no members (services, keys, platform admins), and whom only a custom role above reaches. */
  role: string | null
  /** The ancestor tenant whose membership gives the role, where it is not a membership of the tenant itself. */
  inheritedFrom: string | null
  /** What counts: the sources' scopes, but for what is withheld. */
  scopes: ReadonlySet<string>
  /** What is held and does not count, since the plan lacks the feature it needs: the feature, by scope. */
  withheld: ReadonlyMap<string, string>
  /** Where the scopes come from: the base role, custom roles of the tenant, those above; or the platform's word. */
  sources: readonly ScopeSource[]
  /** Of an API key alone, whose scopes come from both. */
  key?: KeyScopes
}

export interface KeyScopes {
  given: ReadonlySet<string>
  /** Null in process, where nobody asked for it; `scopes` is null of a maker that has none in the tenant to lose. */
  creator: { type: string; id: string; scopes: ReadonlySet<string> | null } | null
}

export interface ScopeSource {
  type: 'base_role' | 'custom_role' | 'platform'
  /** Of a custom role. */
  id: string | null
  name: string
  /** The ancestor tenant that gives it. */
  inheritedFrom: string | null
  /** Whether it reaches the tenants below too. */
  inheritable: boolean
  /** Whether or not the plan lets them count. */
  scopes: ReadonlySet<string>
}

/** An API key that verified. */
export interface KeyIdentity {
  actor: Extract<Actor, { type: 'apiKey' }>
  /** The key's own tenant, and what the key may do there now. */
  access: TenantAccess
  /** Whatever that tenant may be named by. */
  tenantNames: readonly string[]
  /** Why the key is known and does nothing all the same: from this address, or in its tenant as that is. */
  refusal: AppError | null
}

export interface ApiKeyVerifier {
  /** Throws `auth.unauthenticated` for anything but a key that is alive. */
  verify(key: string, client: Client): Promise<KeyIdentity>
}

/** How the pipeline finds users and tenants; the product answers it. */
export interface Directory {
  /** The user of an identity, made on first sight of a verified email; `refusal` says why they may do nothing. */
  signIn(
    identity: Identity,
  ): Promise<{ id: string; email: string | null; name: string | null; refusal: AppError | null }>
  /** A tenant by id, slug or externalId, with what the actor may do there; null if there is none or it is no member. */
  findAccess(actor: Actor, tenantRef: string): Promise<TenantAccess | null>
  /** The id of a tenant whoever asks; only for auditing attempts on it. */
  findTenantId(tenantRef: string): Promise<string | null>
  /** Forgets what was found of a tenant that has changed, and of all below it. */
  forget(tenantId: string): void
  /** Forgets who signed in under that address: with the next sign-in something awaits them. */
  forgetSignIns(email: string): void
  /** Forgets what was found of a user whose state has changed. */
  forgetUser(userId: string): void
  /** Whose state has changed since this was last asked, whatever the bus has lost. */
  changedUsers(): Promise<string[]>
  /** The ids of the tenants the user is a direct member of, two at the most. */
  ownTenantIds(actor: Actor): Promise<string[]>
}

export interface AuditEntry extends AuditRecord {
  action: string
  outcome: 'success' | 'denied'
  actor: Actor
  client: Client
  requestId: string
  at: Date
}

/** Where audit entries go; the product's audit capability. */
export interface AuditLog {
  append(em: EntityManager, tenantId: string, entries: AuditEntry[]): Promise<void>
  appendPlatform(em: EntityManager, entries: (AuditEntry & { tenantId: string | null })[]): Promise<void>
}

export interface TenantUnit {
  tenantId: string
  actor: Actor
  readOnly: boolean
  /** On the operators' connection, which may do to a tenant what the application may not; their own units always are. */
  asOperator?: boolean
}

/** Sees all tenants. */
export interface PlatformUnit {
  actor: Actor
  readOnly: boolean
  /** The one tenant whose rows it may write too. */
  tenantId?: string | null
}

/** Values go as texts beside the SQL; the database reads them as what they are compared with. */
export interface Statement {
  text: string
  values?: readonly unknown[]
}

/** SQL that reads rows of one tenant, `$1`; made by `tenantQuery`. */
export interface TenantQuery<Row> extends Pick<Statement, 'text'> {
  /** What a row is; never there. */
  readonly row?: Row
}

export interface TenantRead {
  tenantId: string
  asOperator?: boolean
}

/** As whom a rehearsal goes on: in a tenant, as an operator, or as nobody. */
export type RehearsedContext = { tenantId: string } | { operator: Actor } | null

export interface Rehearsal {
  /** Binds the context of what follows; nobody's before the first time. */
  as(context: RehearsedContext): Promise<void>
  /** Parameters are `$1`, `$2`, …. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>
}

/** Opens transactions, each bound to what it may see. */
export interface Database {
  /** A transaction that is always taken back, whatever was done in it: on the connection that serves users, or operators. */
  rehearse<Result>(serving: 'users' | 'operators', work: (rehearsal: Rehearsal) => Promise<Result>): Promise<Result>
  /** Connections of the application's pool, and how many it may have; none before the first. */
  pool(): { total: number; idle: number; waiting: number; size: number }
  /** One statement in one round trip, in a transaction that can only read; so do the next three. */
  tenantRead<Row>(unit: TenantRead, query: TenantQuery<Row>, values?: readonly unknown[]): Promise<Row[]>
  userRead<Row>(userId: string, statement: Statement): Promise<Row[]>
  platformRead<Row>(actor: Actor, statement: Statement): Promise<Row[]>
  /** What one verified credential stands for, before a user or a tenant is known. */
  identityRead<Row>(digest: string, statement: Statement): Promise<Row[]>
  tenantUnit<Result>(unit: TenantUnit, work: (em: EntityManager) => Promise<Result>): Promise<Result>
  /**
   * Goes on with another tenant, in the same transaction, and back again once the work is done. `spansTenants`: the unit
   * is one of the platform, which sees all tenants in between and meanwhile.
   */
  inTenant<Result>(
    em: EntityManager,
    unit: Pick<TenantUnit, 'tenantId' | 'actor'> & { spansTenants: boolean },
    work: () => Promise<Result>,
  ): Promise<Result>
  userUnit<Result>(
    unit: { userId: string; readOnly: boolean },
    work: (em: EntityManager) => Promise<Result>,
  ): Promise<Result>
  /** Reads a verified identity's own user, before a user id is known. */
  identityUnit<Result>(digest: string, work: (em: EntityManager) => Promise<Result>): Promise<Result>
  platformUnit<Result>(unit: PlatformUnit, work: (em: EntityManager) => Promise<Result>): Promise<Result>
  /**
   * Calls a function that works for several tenants at once and takes only what is signed: `$1` is the signature of the
   * values, which follow. Committed when it answers.
   */
  writeSigned<Row>(text: string, values: readonly string[]): Promise<Row[]>
  /** The signature that such a function takes where it is called in a transaction that has begun. */
  signValues(values: readonly string[]): string
  /**
   * Holds a name in the whole installation while it works, which ends with this process however that ends. Null at once
   * where it is held already.
   */
  exclusively<Result>(name: string, work: () => Promise<Result>): Promise<Result | null>
}

/** Sees committed state a moment old at most; keyed by tenant, so that no entry can be shared between tenants. */
export interface TenantCache {
  /** `ttlSeconds`: how old an entry may be for this reader, and how long one that it loads is kept. */
  getOrLoad<Value>(tenantId: string, name: string, ttlSeconds: number, load: () => Promise<Value>): Promise<Value>
  invalidate(tenantId: string, name: string): Promise<void>
  /** Replaces the entry, if there is one, by what `update` makes of it. */
  update<Value>(tenantId: string, name: string, update: (value: Value) => Value): Promise<void>
}

/** Collaborators that the product adds for its services, by declaration merging. */
export interface Services {
  /** To be called after the commit of whatever changes a tenant's plan, state or timezone. */
  forgetAccess(tenantId: string): void
  /** To be called after the commit of what awaits the next sign-in under that address. */
  forgetSignIns(email: string): void
  /** To be called after the commit of what changes the state of a user. */
  forgetUser(userId: string): void
  bus: Bus
  cache: TenantCache
}

export interface Dependencies {
  clock: Clock
  logger: Logger
  metrics: PipelineMetrics
  database: Database
  authenticator: Authenticator
  apiKeys: ApiKeyVerifier
  directory: Directory
  auditLog: AuditLog
  /** What is written down after the answer; to be settled before the database is closed. */
  background: Background
  rateLimits: RateLimits
  failureBlock: FailureBlock
  abuseGuard: AbuseGuard
  callQuota: CallQuota<TenantAccess['tenant']>
  /** The budget of a class: the tenant's, or the installation's where there is no tenant. */
  budget(limit: BudgetName, tenant: TenantAccess['tenant'] | null): Promise<Budget>
  sealer: Sealer
  /** Whether a claim makes a platform admin of who comes in by a door. Jobs and commands act as the system anyway. */
  platformAccess: boolean
  /** The path of the request that explains a refusal in a tenant, for want of that permission. */
  explainPath(tenantId: string, permission?: string): string
  services: Services
}
