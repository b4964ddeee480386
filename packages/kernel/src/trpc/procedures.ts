import { z } from 'zod'
import type {
  CachedTenantContext,
  PlatformContext,
  PublicContext,
  TenantContext,
  UserContext,
} from '../context/request-context.ts'
import type { Operation } from '../contract/operation.ts'
import { operationMeta, t } from './init.ts'
import { authentication } from './middleware/authentication.ts'
import { authorization } from './middleware/authorization.ts'
import { cachedRead } from './middleware/cached-read.ts'
import { errors } from './middleware/errors.ts'
import { idempotency } from './middleware/idempotency.ts'
import { logging } from './middleware/logging.ts'
import { rateLimit } from './middleware/rate-limit.ts'
import { tenant } from './middleware/tenant.ts'
import { serviceFields, transaction } from './middleware/transaction.ts'

const entry = t.procedure.use(errors).use(logging).use(authentication)
const inTenant = entry.use(tenant).use(authorization).use(rateLimit)
const outsideTenants = entry.use(authorization).use(rateLimit)

/** An operation that takes nothing may be called without an input. */
type Given<Input extends z.ZodObject> = keyof Input['shape'] extends never ? z.ZodPrefault<Input> : Input

function given<Input extends z.ZodObject>({ input }: { input: Input }): Given<Input> {
  // The types cannot follow the look at the shape.
  return (Object.keys(input.shape).length === 0 ? z.prefault(input, {} as never) : input) as Given<Input>
}

/** Tells tRPC the context that the middlewares before have made; it follows no conditional of ours. */
const as = <Context>() => t.middleware(({ next }) => next({ ctx: undefined as unknown as Context & object }))

export const tenantOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'tenant'>,
) =>
  inTenant
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(idempotency)
    .use(transaction)
    .use(as<TenantContext>())
    .output(operation.output)

export const cachedTenantOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'tenant'>,
) =>
  inTenant
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(cachedRead)
    .use(as<CachedTenantContext>())
    .output(operation.output)

export const userOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'user'>,
) =>
  outsideTenants
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(transaction)
    .use(as<UserContext>())
    .output(operation.output)

export const platformOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'platform'>,
) =>
  outsideTenants
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(transaction)
    .use(as<PlatformContext>())
    .output(operation.output)

export const publicOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'none'>,
) =>
  outsideTenants
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(({ ctx, next }) => next({ ctx: serviceFields(ctx) }))
    .use(as<PublicContext>())
    .output(operation.output)
