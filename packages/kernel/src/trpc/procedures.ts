import { z } from 'zod'
import type {
  CachedTenantContext,
  DetachedPlatformContext,
  DetachedTenantContext,
  EventContext,
  PlatformContext,
  PlatformSequenceContext,
  PublicContext,
  SequenceContext,
  TenantContext,
  TenantStreamContext,
  TwoTenantContext,
  UserContext,
} from '../context/request-context.ts'
import type { Operation, Subscription } from '../contract/operation.ts'
import { operationMeta, t } from './init.ts'
import { idempotency } from './middleware/idempotency.ts'
import { operatorCall } from './middleware/operator-call.ts'
import { secondTenant } from './middleware/second-tenant.ts'
import { sequence } from './middleware/sequence.ts'
import { subscription } from './middleware/subscription.ts'
import { transaction } from './middleware/transaction.ts'
import { pipeline } from './pipeline.ts'

const entry = t.procedure.use(pipeline<object>())

/** An operation that takes nothing may be called without an input. */
type Given<Input extends z.ZodObject> = keyof Input['shape'] extends never ? z.ZodPrefault<Input> : Input

function given<Input extends z.ZodObject>({ input }: { input: Input }): Given<Input> {
  // The types cannot follow the look at the shape.
  return (Object.keys(input.shape).length === 0 ? z.prefault(input, {} as never) : input) as Given<Input>
}

export const tenantOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'tenant'>,
) =>
  entry
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(idempotency)
    .use(transaction<TenantContext>())
    .output(operation.output)

/** A tenant operation that works in a second tenant too, `toTenantId`, under the same permission. */
export const twoTenantOperation = <Input extends z.ZodObject<{ toTenantId: z.ZodString }>, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'tenant'>,
) =>
  entry
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(secondTenant)
    .use(idempotency)
    .use(transaction<TwoTenantContext>())
    .output(operation.output)

export const cachedTenantOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'tenant'>,
) =>
  t.procedure
    .use(pipeline<CachedTenantContext>())
    .meta(operationMeta(operation))
    .input(given(operation))
    .output(operation.output)

/** A query that opens no transaction, and so may ask what opens its own: two at once of one pool would stall it. */
export const detachedTenantOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'tenant'>,
) =>
  t.procedure
    .use(pipeline<DetachedTenantContext>())
    .meta(operationMeta(operation))
    .input(given(operation))
    .output(operation.output)

/** A mutation whose events are counted once by their key, by whatever writes them; no transaction is open. */
export const eventOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'tenant'>,
) =>
  t.procedure
    .use(pipeline<EventContext>())
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(idempotency)
    .use(operatorCall)
    .output(operation.output)

/** Its items are parsed by `output` one by one, hence not by the procedure. */
export const tenantSubscription = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Subscription<Input, Output>,
) => entry.meta(operationMeta(operation)).input(given(operation)).use(subscription<TenantStreamContext>())

export const userOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'user'>,
) =>
  entry.meta(operationMeta(operation)).input(given(operation)).use(transaction<UserContext>()).output(operation.output)

/** A user operation that works in a sequence of transactions. */
export const sequenceOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'user'>,
) =>
  entry
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(idempotency)
    .use(sequence<SequenceContext>())
    .output(operation.output)

export const platformOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'platform'>,
) =>
  entry
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(transaction<PlatformContext>())
    .output(operation.output)

/** A platform operation that works in a sequence of transactions. */
export const platformSequenceOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'platform'>,
) =>
  entry
    .meta(operationMeta(operation))
    .input(given(operation))
    .use(sequence<PlatformSequenceContext>())
    .output(operation.output)

export const detachedPlatformOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'platform'>,
) =>
  t.procedure
    .use(pipeline<DetachedPlatformContext>())
    .meta(operationMeta(operation))
    .input(given(operation))
    .output(operation.output)

export const publicOperation = <Input extends z.ZodObject, Output extends z.ZodType>(
  operation: Operation<Input, Output, 'none'>,
) =>
  t.procedure
    .use(pipeline<PublicContext>())
    .meta(operationMeta(operation))
    .input(given(operation))
    .output(operation.output)
