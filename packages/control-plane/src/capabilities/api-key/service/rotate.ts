import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { apiKeyErrors } from '../contract.ts'
import { type ApiKeyRow, findApiKeyForUpdate, replaceDigest } from '../repository.ts'
import { describe } from './describe.ts'
import { forgetKey, makeKeyText } from './known-keys.ts'
import { refuseMoreThanOwn } from './own-scopes.ts'

/**
 * The answer holds the key with its new secret. Throws `api_key.not_found`, `api_key.expired`, `api_key.overlap_running`
 * while the secret before the last one still works, unless it is to end, and `auth.permission_denied` for a key that
 * may do more than its rotator.
 */
export async function rotate(
  ctx: TenantContext,
  { apiKeyId, overlapSeconds }: { apiKeyId: string; overlapSeconds: number },
) {
  const row = await findApiKeyForUpdate(ctx.em, apiKeyId)
  if (!row) throw apiKeyErrors.not_found()
  refuseOthers(ctx, row)
  const now = ctx.clock.now()
  if (row.expiresAt && row.expiresAt <= now) throw apiKeyErrors.expired()
  // A third secret would cut short what the holder of the first was promised.
  if (overlapSeconds > 0 && row.formerEndsAt && row.formerEndsAt > now) {
    throw apiKeyErrors.overlap_running({ resetsAt: row.formerEndsAt.toISOString() })
  }

  const formerEndsAt = overlapSeconds === 0 ? null : new Date(now.getTime() + overlapSeconds * 1_000)
  const { text, digest } = makeKeyText(ctx, row.id)
  const rotated = { ...row, rotatedAt: now, formerEndsAt }
  await replaceDigest(ctx.em, rotated, digest)
  const { name, scopes } = row
  ctx.record('api_key.rotated', {
    target: { type: 'api_key', id: row.id },
    details: { name, scopes, formerSecretEndsAt: formerEndsAt ?? now },
  })
  forgetKey(ctx, row.id)
  return { ...describe(rotated, now), key: text }
}

/** A key that gets a secret of its own keeps what it has; one that got another's would outlive its revocation. */
function refuseOthers(ctx: TenantContext, { id, scopes }: ApiKeyRow): void {
  if (ctx.actor.type !== 'apiKey') refuseMoreThanOwn(ctx, scopes)
  else if (ctx.actor.id !== id)
    throw authErrors.permission_denied({}, 'An API key may rotate itself, and no other key.')
}
