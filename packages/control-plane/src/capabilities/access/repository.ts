import type { EntityManager } from '@mikro-orm/postgresql'
import type { Actor } from '@tenantry/kernel/context/actor'
import type { Database, FeatureOverride, FormerTimezone, TenantAccess } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import type { BaseRole } from './rules/scopes.ts'

/** A custom role that somebody holds, in its own tenant or below. */
export interface HeldRole {
  id: string
  name: string
  tenantId: string
  baseRole: BaseRole | null
  scopes: string[]
  inheritable: boolean
}

export interface AccessRow {
  tenantId: string
  slug: string
  name: string
  status: string
  statusReason: string | null
  /** ISO 8601. */
  statusUntil: string | null
  plan: string
  /** The plan that it comes to have, and when (ISO 8601). */
  scheduledChange: { plan: string; effectiveAt: string } | null
  featureOverrides: FeatureOverride[]
  timezone: string
  formerTimezones: FormerTimezone[]
  /** ISO 8601. */
  createdAt: string
  /** Null for callers that are no members, and whom only a custom role above reaches. */
  role: BaseRole | null
  inheritedFrom: string | null
  /** Whether the membership that gives the role reaches the tenants below too. */
  inheritable: boolean
  customRoles: HeldRole[]
  path: string[]
  inactiveAncestor: TenantAccess['tenant']['inactiveAncestor']
}

/** A tenant that a membership reaches. */
export type ReachableTenant = Omit<AccessRow, 'path'>

const accessColumns = /* sql */ `tenant_id as "tenantId", slug, name, status, status_reason as "statusReason", status_until as "statusUntil", plan, timezone,
  former_timezones as "formerTimezones", created_at as "createdAt", role, inherited_from as "inheritedFrom", inheritable,
  custom_roles as "customRoles", inactive_ancestor as "inactiveAncestor",
  feature_overrides as "featureOverrides", scheduled_change as "scheduledChange"`

/** The user of the identity that the unit of work is signed for; made or brought up to date. */
export async function signInUser(
  em: EntityManager,
  user: { issuer: string; subject: string; email: string; name: string | null; at: Date },
): Promise<string> {
  const rows = await em.execute<{ id: string }[]>('select directory.sign_in(?, ?, ?, ?, ?, ?) as id', [
    newId(),
    user.issuer,
    user.subject,
    user.email,
    user.name,
    user.at,
  ])
  return single(rows).id
}

/** The tenants that wait for the signed identity as an owner; its user must have been made. Where nobody acts, none comes in. */
export async function listPendingOwnerships(em: EntityManager): Promise<{ tenantId: string; claimable: boolean }[]> {
  return em.execute('select tenant_id as "tenantId", claimable from directory.claimable_ownerships()')
}

export async function findUserId(em: EntityManager, issuer: string, subject: string): Promise<string | null> {
  const rows = await em.execute<{ id: string | null }[]>('select directory.find_user(?, ?) as id', [issuer, subject])
  return rows[0]?.id ?? null
}

/**
 * The state of the person that the unit of work is signed for, and since when: as one text, which is another one after
 * every change.
 */
export async function findStanding(em: EntityManager, issuer: string, subject: string): Promise<string> {
  const [row] = await em.execute<{ standing: string }[]>(
    `select ${standing} as standing from directory.user_state(?, ?) as own (state, state_changed_at)`,
    [issuer, subject],
  )
  return row?.standing ?? unchanged
}

/** The standing of whoever's state has changed since, by id. */
export async function listStandings(database: Database, actor: Actor, since: Date): Promise<Map<string, string>> {
  const text = `select id, ${standing} as standing from tenantry.users where state_changed_at > $1::timestamptz`
  const rows = await database.platformRead<{ id: string; standing: string }>(actor, {
    text,
    values: [since.toISOString()],
  })
  return new Map(rows.map(({ id, standing }) => [id, standing]))
}

/** What the signed user may do in the tenant of that id, slug or externalId; a membership on an ancestor may give it. */
export async function findMemberAccess(em: EntityManager, reference: string): Promise<AccessRow | null> {
  const rows = await em.execute<AccessRow[]>(`select ${accessColumns}, path from directory.find_access(?)`, [reference])
  return rows[0] ?? null
}

/** The tenants the signed user reaches: those of their own first, then so many of those through an inheritable one above. */
export async function listReachableTenants(em: EntityManager, mostInherited = 200): Promise<ReachableTenant[]> {
  return em.execute<ReachableTenant[]>(
    /* sql */ `select ${accessColumns} from (
        select *, row_number() over (partition by inherited_from is null order by name, tenant_id) as place from directory.memberships()) reached
      where inherited_from is null or place <= ? order by inherited_from is not null, place`,
    [mostInherited],
  )
}

/** The tenants the signed user is a direct member of, two at the most. */
export async function listOwnTenantIds(em: EntityManager): Promise<string[]> {
  const rows = await em.execute<{ tenantId: string }[]>('select directory.own_tenants() as "tenantId"')
  return rows.map(({ tenantId }) => tenantId)
}

export type Held = Pick<AccessRow, 'tenantId' | 'role' | 'inheritedFrom' | 'inheritable' | 'customRoles'>

/** What somebody holds in a tenant, by itself and from above. */
export type Holding = Held & {
  userId: string
  /** Of a membership of the tenant itself. */
  directRole: BaseRole | null
  /** Not deactivated. */
  isActive: boolean
}

/** What each of the users holds in the tenant of the unit of work now; whoever holds nothing there has no entry. */
export async function listHoldings(
  em: EntityManager,
  { tenantId, userIds }: { tenantId: string; userIds: readonly string[] },
): Promise<Holding[]> {
  const rows = await em.execute<Omit<Holding, 'tenantId'>[]>(
    /* sql */ `select user_id as "userId", direct_role as "directRole", role, inherited_from as "inheritedFrom", inheritable,
        custom_roles as "customRoles", is_active as "isActive"
      from directory.find_holdings(array(select jsonb_array_elements_text(?::jsonb)::uuid))`,
    [JSON.stringify(userIds)],
  )
  return rows.map((row) => ({ ...row, tenantId }))
}

/** What those who hold a custom role of the tenant of the unit of work hold there, each of it once. */
export async function listDistinctHoldings(
  em: EntityManager,
  { tenantId, roleId }: { tenantId: string; roleId: string },
): Promise<Held[]> {
  const rows = await em.execute<Omit<Held, 'tenantId'>[]>(
    /* sql */ `select distinct role, inherited_from as "inheritedFrom", inheritable, custom_roles as "customRoles"
      from directory.find_holdings(array(select user_id from tenantry.role_assignments
        where tenant_id = (select tenancy.current_tenant()) and role_id = ?))`,
    [roleId],
  )
  return rows.map((row) => ({ ...row, tenantId }))
}

/** Of the tenant of the unit of work. */
export async function isActiveUser(em: EntityManager, id: string): Promise<boolean> {
  const [row] = await em.execute<{ active: boolean }[]>('select directory.is_active_user(?) as active', [id])
  return row?.active ?? false
}

export interface KeyHolding {
  scopes: string[]
  createdByType: string
  createdById: string
}

/** A key of the tenant of the unit of work that is neither revoked nor expired, nor made by who may not sign in any more. */
export async function findKeyHolding(em: EntityManager, id: string, now: Date): Promise<KeyHolding | null> {
  const [row] = await em.execute<KeyHolding[]>(
    /* sql */ `select scopes, created_by_type as "createdByType", created_by_id as "createdById" from tenantry.api_keys
      where tenant_id = (select tenancy.current_tenant()) and id = ? and revoked_at is null
        and (expires_at is null or expires_at > ?)
        and case when created_by_type in ('user', 'platformAdmin') then directory.is_active_user(created_by_id::uuid) else true end`,
    [id, now],
  )
  return row ?? null
}

/** For callers that are no members; the unit of work must be a platform one. An id wins over a slug, a slug over an externalId. */
export async function findTenant(em: EntityManager, reference: string): Promise<AccessRow | null> {
  const rows = await em.execute<AccessRow[]>(
    /* sql */ `select id as "tenantId", slug, name, status, status_reason as "statusReason", status_until as "statusUntil", plan, timezone,
        former_timezones as "formerTimezones", created_at as "createdAt", null as role, null as "inheritedFrom",
        false as inheritable, '[]'::jsonb as "customRoles", path,
        (select jsonb_build_object('id', above.id, 'status', above.status) from tenantry.tenants above
          where above.id = any (own.path) and above.status <> 'active' order by cardinality(above.path) limit 1) as "inactiveAncestor",
        (select coalesce(jsonb_agg(jsonb_build_object('feature', o.feature, 'granted', o.granted, 'expiresAt', o.expires_at)), '[]')
          from tenantry.feature_overrides o where o.tenant_id = own.id) as "featureOverrides",
        (select jsonb_build_object('plan', c.plan, 'effectiveAt', c.effective_at)
          from tenantry.scheduled_plan_changes c where c.tenant_id = own.id) as "scheduledChange"
      from tenantry.tenants own
     where (id = ? or slug = ? or external_id = ?) and status <> 'purged'
     order by case when slug = ? then 1 when external_id = ? then 2 else 0 end limit 1`,
    [uuidPattern.test(reference) ? reference : null, reference, reference, reference, reference],
  )
  return rows[0] ?? null
}

/** Those among the tenants that are not active, by themselves or by an ancestor. */
export async function listInactive(database: Database, actor: Actor, tenantIds: string[]): Promise<string[]> {
  const rows = await database.platformRead<{ id: string }>(actor, {
    text: /* sql */ `select t.id from tenantry.tenants t
      where t.id = any ($1::uuid[]) and (t.status <> 'active' or exists (
        select from tenantry.tenants above where above.id = any (t.path) and above.status <> 'active'))`,
    values: [tenantIds],
  })
  return rows.map(({ id }) => id)
}

const standing = `state || ' ' || coalesce(extract(epoch from state_changed_at)::text, '')`
const unchanged = 'active '

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function single<Row>(rows: Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new Error('The directory answered nothing')
  return row
}
