import type { EntityManager } from '@mikro-orm/postgresql'
import type { exportedKinds } from '../contract.ts'
import type { UserRow } from './users.ts'

export type ExportedKind = (typeof exportedKinds)[number]

export interface ExportedRow {
  tenantId: string | null
  id: string
  at: Date | null
  data: Record<string, unknown>
}

const before = '00000000-0000-0000-0000-000000000000'
/** Before every tenant and id there is. */
export const start = { tenantId: before, id: before }

/** As an object with names as they are on every door. */
const told = (alias: string, columns: string) =>
  `jsonb_build_object(${columns
    .split(' ')
    .map((column) => `'${column.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase())}', ${alias}.${column}`)
    .join(', ')})`

/** What others did to them: nothing of those others. Reading this is told of too, and would have no end in it. */
const entryAbout = 'action outcome target_type target_id changes details request_id'
const entry =
  'action outcome actor_type actor_id actor_email target_type target_id changes details client_address user_agent request_id'

/** What there is of the user `:id`, `:email`; what belongs to no tenant has a null for it. */
const kinds: Record<ExportedKind, string> = {
  profile: `select null as tenant_id, u.id, u.created_at as at,
      ${told('u', 'issuer subject email former_emails name state state_reason state_changed_at last_seen_at')} as data
      from tenantry.users u where u.id = :id::uuid`,
  membership: `select m.tenant_id, m.id, m.joined_at as at,
      ${told('m', 'role inheritable')} || jsonb_build_object('tenant', t.slug) as data
      from tenantry.memberships m join tenantry.tenants t on t.id = m.tenant_id where m.user_id = :id::uuid`,
  role: `select a.tenant_id, a.role_id as id, a.assigned_at as at, ${told('r', 'name scopes')} as data
      from tenantry.role_assignments a join tenantry.custom_roles r on r.tenant_id = a.tenant_id and r.id = a.role_id
     where a.user_id = :id::uuid`,
  team: `select m.tenant_id, m.team_id as id, m.added_at as at, ${told('t', 'name')} as data
      from tenantry.memberships own
      join tenantry.team_members m on m.tenant_id = own.tenant_id and m.user_id = own.user_id
      join tenantry.teams t on t.tenant_id = m.tenant_id and t.id = m.team_id
     where own.user_id = :id::uuid`,
  invitation_received: `select i.tenant_id, i.id, i.created_at as at,
      ${told('i', 'email role state invited_by_name sent_at expires_at accepted_at revoked_at')} as data
      from tenantry.invitations i where i.email = lower(:email) or i.accepted_by = :id::uuid`,
  invitation_sent: `select i.tenant_id, i.id, i.created_at as at,
      ${told('i', 'email role state invited_by_name sent_at expires_at accepted_at revoked_at')} as data
      from tenantry.invitations i where i.invited_by_id = :id and i.invited_by_type in ('user', 'platformAdmin')`,
  pending_ownership: `select o.tenant_id, o.tenant_id as id, o.created_at as at, ${told('o', 'email')} as data
      from tenantry.pending_owners o where o.email = lower(:email)`,
  tenant_contact: `select t.id as tenant_id, t.id, null::timestamptz as at, ${told('t', 'slug contact_email')} as data
      from tenantry.tenants t where t.contact_email_key = lower(:email) and t.status <> 'purged'`,
  api_key: `select k.tenant_id, k.id, k.created_at as at,
      ${told('k', 'name scopes ip_allowlist expires_at rotated_at last_used_at revoked_at')} as data
      from tenantry.api_keys k where k.created_by_id = :id and k.created_by_type in ('user', 'platformAdmin')`,
  limit_request: `select r.tenant_id, r.id, r.created_at as at, ${told('r', 'meter value reason state decision_reason decided_at')} as data
      from tenantry.limit_requests r where r.requested_by_id = :id and r.requested_by_type in ('user', 'platformAdmin')`,
  mail: `select m.tenant_id, m.id, m.created_at as at, ${told('m', 'recipient subject text sent_at')} as data
      from tenantry.mails m where m.recipient in (:email, lower(:email))`,
  audit_entry: `select e.tenant_id, e.id, e.at, ${told('e', entry)} as data
      from tenantry.audit_entries e where e.actor_id = :id and e.actor_type in ('user', 'platformAdmin')`,
  audit_entry_about: `select e.tenant_id, e.id, e.at, ${told('e', entryAbout)} as data
      from tenantry.audit_entries e where e.target_id = :id and e.target_type = 'user' and e.actor_id is distinct from :id`,
  platform_audit_entry: `select null as tenant_id, e.id, e.at, ${told('e', entry)} as data
      from tenantry.platform_audit_entries e where e.actor_id = :id and e.actor_type in ('user', 'platformAdmin')`,
  platform_audit_entry_about: `select null as tenant_id, e.id, e.at, ${told('e', entryAbout)} as data
      from tenantry.platform_audit_entries e where e.target_id = :id and e.target_type = 'user' and e.actor_id is distinct from :id
       and e.action <> 'platform.read'`,
}

const ofNoTenant: readonly ExportedKind[] = ['profile', 'platform_audit_entry', 'platform_audit_entry_about']

/** JSON of the database writes instants with an offset; every door has them in UTC. */
const withTimes = (data: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(data).map(([field, value]) => [
      field,
      field.endsWith('At') && typeof value === 'string' ? new Date(value).toISOString() : value,
    ]),
  )

/** By tenant and id, as the indexes over actors are: a page of a long log costs what it shows. */
export async function listExported(
  em: EntityManager,
  kind: ExportedKind,
  { user, after, limit }: { user: Pick<UserRow, 'id' | 'email'>; after: typeof start; limit: number },
): Promise<ExportedRow[]> {
  const values: unknown[] = []
  const source = kinds[kind].replaceAll(/:(id|email)\b/g, (_, field: 'id' | 'email') => {
    values.push(user[field])
    return '?'
  })
  const place = ofNoTenant.includes(kind)
    ? { columns: 'id', marks: '?::uuid', values: [after.id] }
    : { columns: 'tenant_id, id', marks: '?::uuid, ?::uuid', values: [after.tenantId, after.id] }
  const rows = await em.execute<(Omit<ExportedRow, 'at'> & { at: string | Date | null })[]>(
    `select tenant_id as "tenantId", id, at, data from (${source}) kept
      where (${place.columns}) > (${place.marks}) order by ${place.columns} limit ?`,
    [...values, ...place.values, limit],
  )
  return rows.map((row) => ({ ...row, at: row.at === null ? null : new Date(row.at), data: withTimes(row.data) }))
}
