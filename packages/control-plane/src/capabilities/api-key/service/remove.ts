import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { apiKeyErrors } from '../contract.ts'
import { findApiKeyForUpdate, revokeApiKey } from '../repository.ts'
import { forgetKey } from './known-keys.ts'

/** Revokes for good: nothing of the secret is kept. Throws `api_key.not_found`. */
export async function remove(ctx: TenantContext, { apiKeyId }: { apiKeyId: string }) {
  const row = await findApiKeyForUpdate(ctx.em, apiKeyId)
  if (!row) throw apiKeyErrors.not_found()
  const { id, name, scopes } = row
  const revokedAt = ctx.clock.now()
  await revokeApiKey(ctx.em, id, revokedAt)
  ctx.record('api_key.revoked', {
    target: { type: 'api_key', id },
    changes: { name: { before: name, after: null }, scopes: { before: scopes, after: null } },
  })
  forgetKey(ctx, id)
  return { id, revokedAt }
}
