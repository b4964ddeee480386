import { type EntityManager, LockMode } from '@mikro-orm/postgresql'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { namedTenantSource } from '../tenant/index.ts'
import { ApiKey } from './entity.ts'

/** What may be read of a key. */
export type ApiKeyRow = Omit<ApiKey, 'digest' | 'formerDigest'>

/** What a key that was shown stands for. */
export interface SignedApiKey {
  tenantId: string
  slug: string
  externalId: string | null
  id: string
  scopes: string[]
  ipAllowlist: string[]
  /** ISO 8601; of the key, or of the secret where it is the former one. */
  validUntil: string | null
  createdByType: string
  createdById: string
}

/** The newest first: ids are sorted by the time of their making. */
export async function listApiKeysBefore(
  em: EntityManager,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<ApiKeyRow[]> {
  const where = { revokedAt: null, ...(before === undefined ? {} : { id: { $lt: before } }) }
  return em.find(ApiKey, where, { orderBy: { id: 'desc' }, limit })
}

/** Those that are neither revoked nor expired. */
export async function listLiveKeys(em: EntityManager, now: Date): Promise<Pick<ApiKeyRow, 'name' | 'scopes'>[]> {
  const unexpired = { $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] }
  return em.find(ApiKey, { revokedAt: null, ...unexpired }, { orderBy: { id: 'asc' }, fields: ['name', 'scopes'] })
}

/** Locked until the transaction ends. */
export async function findApiKeyForUpdate(em: EntityManager, id: string): Promise<ApiKeyRow | null> {
  return em.findOne(ApiKey, { id, revokedAt: null }, { lockMode: LockMode.PESSIMISTIC_WRITE })
}

/** Bound, as what follows: the ORM would write the digest into the text of its statement. */
export async function insertApiKey(em: EntityManager, row: ApiKeyRow, digest: string): Promise<void> {
  await em
    .getKysely<Tables>()
    .insertInto('tenantry.api_keys')
    .values({
      tenant_id: row.tenantId,
      id: row.id,
      name: row.name,
      scopes: row.scopes,
      digest,
      ip_allowlist: row.ipAllowlist,
      expires_at: row.expiresAt ?? null,
      created_by_type: row.createdByType,
      created_by_id: row.createdById,
      created_at: row.createdAt,
    })
    .execute()
}

/** The row must be locked. The digest until now becomes the former one, by a trigger; where `formerEndsAt` is null the secret until now ends at once. */
export async function replaceDigest(
  em: EntityManager,
  {
    tenantId,
    id,
    formerEndsAt = null,
    rotatedAt = null,
  }: Pick<ApiKeyRow, 'tenantId' | 'id' | 'formerEndsAt' | 'rotatedAt'>,
  digest: string,
): Promise<void> {
  await em
    .getKysely<Tables>()
    .updateTable('tenantry.api_keys')
    .set({ digest, former_ends_at: formerEndsAt, rotated_at: rotatedAt })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute()
}

/** Leaves nothing of the secrets: a trigger takes the former one. The job role removes the rest: whoever may delete rows may lock the table. */
export async function revokeApiKey(em: EntityManager, id: string, revokedAt: Date): Promise<void> {
  await em.nativeUpdate(ApiKey, { id }, { revokedAt, digest: null })
}

/** The key that an identity context is signed for, by the digest of the secret that was shown. */
export const signedApiKey = {
  text: /* sql */ `select tenant_id as "tenantId", slug, external_id as "externalId", id, scopes, ip_allowlist as "ipAllowlist",
      valid_until as "validUntil", created_by_type as "createdByType", created_by_id as "createdById"
    from directory.find_api_key()`,
}

/** A row where the user `$1` is deactivated or erased. */
export const inactiveUser = `select id from tenantry.users where id = $1::uuid and state <> 'active'`

export interface KeyFacts {
  /** A name that the tenant gave up may be another one's by now. */
  slug: string
  externalId: string | null
  changed: string[]
}

/** What the tenant is called, and the keys that were revoked or rotated since `$2`. */
export const keyFacts = tenantQuery<KeyFacts>(
  { ...namedTenantSource, own: { entity: ApiKey, columns: ['id', 'revoked_at', 'rotated_at'] } },
  `select slug, external_id as "externalId",
      array(select id::text from own where greatest(revoked_at, rotated_at) > $2::timestamptz) as changed
    from tenant`,
)

/** Of keys of any tenants, in one statement. Needs a platform unit of work. */
export async function touchApiKeys(em: EntityManager, uses: readonly { id: string; at: Date }[]): Promise<void> {
  await em.execute('select directory.touch_api_keys(?::jsonb)', [JSON.stringify(uses)])
}

interface Tables {
  'tenantry.api_keys': {
    tenant_id: string
    id: string
    name: string
    scopes: string[]
    digest: string | null
    former_ends_at: Date | null
    ip_allowlist: string[]
    expires_at: Date | null
    created_by_type: string
    created_by_id: string
    created_at: Date
    rotated_at: Date | null
    last_used_at: Date | null
    revoked_at: Date | null
  }
}
