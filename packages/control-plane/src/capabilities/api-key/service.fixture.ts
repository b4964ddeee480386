import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { RequestContext, TenantHints } from '@tenantry/kernel/context/request-context'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { newId } from '@tenantry/kernel/tenancy/id'
import { createCallerFactory } from '@tenantry/kernel/trpc/init'
import { expect } from 'vitest'
import type { InternalCaller } from '../../caller.ts'
import { appRouter } from '../../router.ts'
import { operator, type TestInstallation } from '../../testing.ts'
import { type ApiKeyRow, insertApiKey, replaceDigest } from './repository.ts'

const createCaller = createCallerFactory(appRouter)

/** Calls as a door does for a request with this key. */
export function callByKey(
  dependencies: Dependencies,
  apiKey: string,
  { address = null, ...tenantHints }: TenantHints & { address?: string | null } = {},
): InternalCaller {
  const context: RequestContext = {
    dependencies,
    requestId: newId(),
    transport: 'trpc',
    client: { address, userAgent: null },
    credentials: { apiKey },
    tenantHints,
    idempotencyKey: null,
    ifMatch: false,
    setHeader: () => undefined,
    logger: dependencies.logger,
  }
  return createCaller(context)
}

/** What a call was refused with. */
export async function refusalOf(call: Promise<unknown>) {
  return call.then(
    (answer) => expect.fail(`answered ${JSON.stringify(answer)}`),
    (error: unknown) => toAppError(error),
  )
}

export const create = (caller: InternalCaller, scopes: string[] = ['tenant:read'], more: object = {}) =>
  caller.apiKeys.create({ tenantId: 'current', name: 'Scheduler', scopes, ...more })

/** Puts a key into a tenant, whatever its state, without going through a door. Answers the key's text. */
export async function makeApiKey(
  { database, dependencies: { clock, services } }: TestInstallation,
  { tenantId, ...fields }: Partial<ApiKeyRow> & { tenantId: string },
): Promise<string> {
  const id = fields.id ?? newId()
  const { text, digest } = services.apiKeys.texts.make(id)
  const row: ApiKeyRow = {
    tenantId,
    id,
    name: 'Scheduler',
    scopes: ['runs:write', 'usage:write'],
    ipAllowlist: [],
    createdByType: 'user',
    createdById: newId(),
    createdAt: clock.now(),
    expiresAt: null,
    formerEndsAt: null,
    rotatedAt: null,
    lastUsedAt: null,
    revokedAt: null,
    ...fields,
  }
  await database.tenantUnit({ tenantId, actor: operator, readOnly: false }, async (em) => {
    await insertApiKey(em, row, digest)
    if (fields.formerEndsAt) await replaceDigest(em, row, digest)
  })
  return text
}
