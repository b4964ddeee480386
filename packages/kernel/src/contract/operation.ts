import type { z } from 'zod'
import type { ErrorFactory } from './errors.ts'
import './plain-words.ts'

/** `noun:verb`, one permission. The product declares which ones exist. */
export type Scope = `${string}:${string}`

/**
 * What a caller needs: a scope in the tenant, `any` for every principal of it, `platform` for platform admins only;
 * `null` where no tenant is involved.
 */
export type Permission = Scope | 'any' | 'platform' | null

/** Whose rows an operation may touch: the database connection, role and signed context follow from it. */
export type UnitOfWorkKind = 'tenant' | 'user' | 'platform' | 'none'

/**
 * Which budget a call draws on. `read`, `write` and `access` (a product's question before each of its own requests)
 * count per principal and tenant, `settings_update` and `usage` per tenant, `public` and `invitation` per client address,
 * `sign_up` per user and per client address.
 */
export type RateLimitClass =
  | 'read'
  | 'write'
  | 'access'
  | 'settings_update'
  | 'usage'
  | 'public'
  | 'sign_up'
  | 'invitation'

/** Also what no operation declares: refusals to select a tenant count per principal. */
export type BudgetName = RateLimitClass | 'selection'

export interface RestRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** OpenAPI path below `/api/v1`, `/tenants/{tenantId}/usage`. */
  path: `/${string}`
  summary: string
  description?: string
  tags: [string]
  successStatus?: 200 | 201 | 202 | 204
  /**
   * Other methods and paths that reach the same operation; not in the document. `{tenantId}` may stand in them where
   * the operation takes no tenant as its input.
   */
  aliases?: { method: RestRoute['method']; path: `/${string}` }[]
  /** The answer has a `version`: send it as `ETag`, take `If-Match` in place of `expectedVersion`. */
  versioned?: boolean
  /** Largest body in bytes where the default of 256 KB does not fit. */
  bodyLimitBytes?: number
}

/** What an operation declares, whatever doors it has. */
interface Declaration<Input extends z.ZodObject, Output extends z.ZodType, Kind extends UnitOfWorkKind> {
  unitOfWork: Kind
  permission: Permission
  /** A user's unit of work that platform admins enter as operators, who see every tenant. */
  operatorSpansTenants: boolean
  /** Answers for a tenant that is not active too, or at least to operators. */
  allowInactive: boolean | 'operators'
  /** Answers for a tenant too that has used up its API calls. */
  allowOverLimit: boolean
  /** On the operators' connection whoever calls: the application's may not change what state a tenant is in. */
  asOperator: boolean
  rateLimit: RateLimitClass
  /** The action its audit entry carries, or why it writes none. */
  audit: string | { none: string }
  /** `event`: the Idempotency-Key header is the operation's own key (usage, runs). */
  idempotency: 'response' | 'event' | 'none'
  /** The tenant-wide part of the answer is kept under this name; a change that shows in it must invalidate it. */
  cached: { name: string; ttlSeconds: number } | null
  input: Input
  output: Output
  errors: ErrorFactory[]
}

export interface Operation<
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodType = z.ZodType,
  Kind extends UnitOfWorkKind = UnitOfWorkKind,
> extends Declaration<Input, Output, Kind> {
  type: 'query' | 'mutation'
  rest: RestRoute
}

/** Answers one `output` after another for as long as the caller listens. Only tRPC serves it: REST ends with an answer. */
export interface Subscription<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodType = z.ZodType>
  extends Declaration<Input, Output, 'tenant'> {
  type: 'subscription'
  rest: null
  summary: string
  description?: string
}

export type AnyOperation = Operation | Subscription

type Declared<Input extends z.ZodObject, Output extends z.ZodType, Kind extends UnitOfWorkKind> = Pick<
  Operation<Input, Output, Kind>,
  'unitOfWork' | 'permission' | 'rest' | 'input' | 'output'
> &
  Partial<
    Pick<
      Operation,
      | 'operatorSpansTenants'
      | 'allowInactive'
      | 'allowOverLimit'
      | 'asOperator'
      | 'rateLimit'
      | 'errors'
      | 'idempotency'
      | 'cached'
    >
  > &
  ({ type: 'query' } | { type: 'mutation'; audit: Operation['audit'] })

/** Declares one operation, from which the tRPC procedure, the REST route, the document and the hook follow. */
export function defineOperation<Input extends z.ZodObject, Output extends z.ZodType, Kind extends UnitOfWorkKind>(
  declared: Declared<Input, Output, Kind>,
): Operation<Input, Output, Kind> {
  return {
    operatorSpansTenants: false,
    allowInactive: false,
    allowOverLimit: false,
    asOperator: declared.permission === 'platform',
    rateLimit: declared.type === 'query' ? 'read' : 'write',
    audit: { none: 'reads change nothing' },
    idempotency: declared.type === 'mutation' && declared.rest.method === 'POST' ? 'response' : 'none',
    errors: [],
    cached: null,
    ...declared,
    // Unknown fields are refused by name on every door.
    input: declared.input.strict() as unknown as Input,
  }
}

type DeclaredSubscription<Input extends z.ZodObject, Output extends z.ZodType> = Pick<
  Subscription<Input, Output>,
  'permission' | 'summary' | 'description' | 'input' | 'output'
> &
  Partial<Pick<Subscription, 'errors'>>

/** Declares a subscription in a tenant; `output` is one item. Items that carry an id can be resumed after. */
export function defineSubscription<Input extends z.ZodObject, Output extends z.ZodType>(
  declared: DeclaredSubscription<Input, Output>,
): Subscription<Input, Output> {
  return {
    type: 'subscription',
    unitOfWork: 'tenant',
    operatorSpansTenants: false,
    allowInactive: false,
    allowOverLimit: false,
    asOperator: false,
    rateLimit: 'read',
    audit: { none: 'reads change nothing' },
    idempotency: 'none',
    cached: null,
    rest: null,
    errors: [],
    ...declared,
    input: declared.input.strict() as unknown as Input,
  }
}
