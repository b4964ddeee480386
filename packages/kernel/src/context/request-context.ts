import type { EntityManager } from '@mikro-orm/postgresql'
import type { Logger } from 'pino'
import type { Actor } from './actor.ts'
import type { AuditRecord, Client } from './audit-record.ts'
import type { Clock } from './clock.ts'
import type { Dependencies, Sealer, Services, TenantAccess, TenantQuery } from './dependencies.ts'

/** What the caller said about who it is. In process it says so itself. */
export type Credentials = { actor: Actor } | { bearer?: string; apiKey?: string }

/** The places a tenant may be named besides the path. */
export interface TenantHints {
  /** In the path of an operation that takes no tenant as its input. */
  path?: string
  header?: string
  /** A slug: a host that an externalId could take would be a way to catch what is meant for others. */
  subdomain?: string
}

/** A call that the pipeline has answered, whether well or not. */
export interface AnsweredCall {
  operation: string
  /** Null where none was selected or the caller has no access to it. */
  tenantId: string | null
}

/** What a door hands to the pipeline: one per request, shared by the calls of a batch. */
export interface RequestContext {
  dependencies: Dependencies
  requestId: string
  transport: 'rest' | 'trpc' | 'internal'
  client: Client
  credentials: Credentials
  tenantHints: TenantHints
  idempotencyKey: string | null
  /** The version came by `If-Match`: a stale one answers 412 instead of 409. */
  ifMatch: boolean
  setHeader(name: string, value: string): void
  /** For doors that log their requests. */
  answered?: ((call: AnsweredCall) => void) | undefined
  logger: Logger
}

/** What every service gets. */
export interface ServiceContext {
  em: EntityManager
  actor: Actor
  clock: Clock
  logger: Logger
  services: Services
  /** Writes an audit entry in this transaction. */
  record(action: string, entry?: AuditRecord): void
  /** Runs once the transaction has committed and before the caller is answered; for caches. */
  afterCommit(effect: () => Promise<void> | void): void
}

export interface TenantContext extends ServiceContext {
  tenant: TenantAccess['tenant']
  access: TenantAccess
  /** The Idempotency-Key header, for operations that declare `idempotency: 'event'`. */
  eventKey: string | null
}

/** For queries that need no transaction: what their services keep or read in units of work of their own answers them. */
export interface DetachedTenantContext extends Omit<TenantContext, 'em' | 'record' | 'afterCommit' | 'eventKey'> {}

/** For mutations that are written elsewhere than in a transaction of the request: what they count carries a key of its own. */
export interface EventContext extends DetachedTenantContext, Pick<TenantContext, 'eventKey'> {}

export type InTenant = <Result>(
  tenantId: string,
  work: (unit: Pick<ServiceContext, 'em' | 'record' | 'afterCommit'>) => Promise<Result>,
) => Promise<Result>

/** For operations that work in a second tenant too, in which the caller holds the same permission. */
export interface TwoTenantContext extends TenantContext {
  second: TenantAccess
  /** Works in the second tenant, inside the transaction of the first; both logs are written with it. */
  inSecond<Result>(work: (unit: TenantContext) => Promise<Result>): Promise<Result>
}

/** For operations that declare `cached`: no transaction is open; `cached` reads only where the cache has nothing. */
export interface CachedTenantContext extends DetachedTenantContext {
  /** The tenant-wide value; nothing that belongs to one caller may be in it. */
  cached<Value>(load: (read: ReadTenant) => Promise<Value>): Promise<Value>
}

/** Each call is one round trip and sees what was committed before it. */
export type ReadTenant = <Row>(query: TenantQuery<Row>, values?: readonly unknown[]) => Promise<Row[]>

/** What a subscription answers with, again and again. A lost connection is resumed after the `id` that came last. */
export interface StreamItem<Data> {
  id: string
  data: Data
}

/** For subscriptions: they go on for hours, so no transaction is open, and nothing that was checked stays true. */
export interface TenantStreamContext extends Omit<TenantContext, 'em' | 'record' | 'afterCommit' | 'eventKey'> {
  /** Reads in a unit of work of its own, which is closed again. */
  read<Value>(load: (em: EntityManager) => Promise<Value>): Promise<Value>
  /** What the caller may do now. Throws what the stream ends with where it may no longer listen. */
  recheck(): Promise<TenantAccess>
  /** Aborted when the caller has left. */
  signal: AbortSignal
}

export interface UserContext extends ServiceContext {
  actor: Extract<Actor, { type: 'user' | 'platformAdmin' }>
}

export interface PlatformContext extends ServiceContext {
  actor: Extract<Actor, { type: 'platformAdmin' | 'system' }>
  /** Works in one tenant after the other, in this transaction; each log is written with it. */
  inTenant: InTenant
}

export interface DetachedPlatformContext extends Omit<PlatformContext, 'em' | 'record' | 'afterCommit' | 'inTenant'> {}

export interface PublicContext extends Omit<ServiceContext, 'em' | 'record' | 'afterCommit'> {}

/** A call with an Idempotency-Key. */
export interface IdempotentCall {
  key: string
  principal: string
  operation: string
  /** SHA-256 of the input, hexadecimal. */
  requestHash: string
}

/**
 * Works in a sequence of transactions, each complete in itself, on the operators' connection. Whoever goes on with one
 * that was cut short finds the first that is not done.
 */
export interface Sequence extends Omit<ServiceContext, 'em' | 'record' | 'afterCommit'> {
  requestId: string
  sealer: Sealer
  /** Null, without any work done, while another call or process is at work under that name. */
  exclusively<Result>(name: string, work: () => Promise<Result>): Promise<Result | null>
  unit: {
    /** Sees all tenants; may write what belongs to `tenantId`. */
    platform<Result>(work: (unit: ServiceContext) => Promise<Result>, tenantId?: string): Promise<Result>
    tenant<Result>(access: TenantAccess, work: (unit: TenantContext) => Promise<Result>): Promise<Result>
    /** On the application's connection, unless the caller is an operator. */
    member<Result>(access: TenantAccess, work: (unit: TenantContext) => Promise<Result>): Promise<Result>
  }
}

/** For operations of the platform that work on one tenant after the other, each in transactions of its own. */
export interface PlatformSequenceContext extends Sequence {
  actor: PlatformContext['actor']
}

export interface SequenceContext extends Sequence {
  /** Null without a key. The service keeps it, with what it answered; by itself, or by `once`. */
  idempotentCall: IdempotentCall | null
  replay(answer: unknown): never
  /** Does the work once for the call's key, if it has one; the answer is kept in that tenant, in the same transaction. */
  once<Answer>(unit: TenantContext, work: () => Promise<Answer>): Promise<Answer>
}
