import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { authErrors } from '@tenantry/kernel/contract/errors'
import { apiKeyErrors } from '../contract.ts'
import { type ApiKeyRow, findApiKeyForUpdate, replaceDigest } from '../repository.ts'
import { describe } from './describe.ts'
import { forgetKey, makeKeyText } from './known-keys.ts'

/**
 * The answer holds the key with its new secret. Throws `api_key.not_found`, `api_key.expired`, `api_key.overlap_running`
 * while the secret before the last one still works, unless it is to end, and `auth.permission_denied` for a key that
 * somebody else made.
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

/**
 * Whoever got the secret of a key that somebody else made would keep it after their own membership, and after the
 * revocation of what they rotated it with.
 */
function refuseOthers({ actor }: TenantContext, { id, createdByType, createdById }: ApiKeyRow): void {
  if (actor.type === 'apiKey') {
    if (actor.id === id) return
    throw authErrors.permission_denied({}, 'An API key may rotate itself, and no other key.')
  }
  // An operator who is a member makes keys as that.
  const isSame = createdByType === actor.type || (createdByType === 'user' && actor.type === 'platformAdmin')
  if (isSame && actor.type !== 'anonymous' && createdById === ('id' in actor ? actor.id : actor.name)) return
  throw authErrors.permission_denied(
    {},
    'Only who made an API key rotates it. Revoke it, and create one of your own in its place.',
  )
}
