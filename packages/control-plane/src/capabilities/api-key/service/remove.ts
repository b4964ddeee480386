import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { apiKeyErrors } from '../contract.ts'
import { type ApiKeyRow, findApiKeyForUpdate, revokeApiKey } from '../repository.ts'
import { forgetKey } from './known-keys.ts'

/**
 * Revokes for good: nothing of the secret is kept. Throws `api_key.not_found`, and `auth.permission_denied` where a key
 * would revoke another one that may do more.
 */
export async function remove(ctx: TenantContext, { apiKeyId }: { apiKeyId: string }) {
  const row = await findApiKeyForUpdate(ctx.em, apiKeyId)
  if (!row) throw apiKeyErrors.not_found()
  const { id, name, scopes } = row
  refuseGreater(ctx, row)
  const revokedAt = ctx.clock.now()
  await revokeApiKey(ctx.em, id, revokedAt)
  ctx.record('api_key.revoked', {
    target: { type: 'api_key', id },
    changes: { name: { before: name, after: null }, scopes: { before: scopes, after: null } },
  })
  forgetKey(ctx, id)
  return { id, revokedAt }
}

/** One key that leaked must not end all others. */
function refuseGreater({ actor, access: { scopes: own } }: TenantContext, { id, scopes }: ApiKeyRow): void {
  if (actor.type !== 'apiKey' || actor.id === id) return
  const missingScope = scopes.find((scope) => !own.has(scope))
  if (missingScope === undefined) return
  throw authErrors.permission_denied(
    { missingScope },
    `An API key revokes itself, and keys that may do no more than it: this one has ${missingScope}.`,
  )
}
