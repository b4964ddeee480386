import type { EntityManager } from '@mikro-orm/postgresql'
import type { userStates } from '../../member/index.ts'

export type UserState = (typeof userStates)[number]

export interface UserRow {
  id: string
  issuer: string
  subject: string
  email: string
  /** In small letters. */
  formerEmails: string[]
  name: string | null
  state: UserState
  stateReason: string | null
  stateChangedAt: Date | null
  createdAt: Date
  lastSeenAt: Date | null
}

type Raw<Row> = { [Field in keyof Row]: Row[Field] extends Date | null ? string | Row[Field] : Row[Field] }

const columns = /* sql */ `id, issuer, subject, email, former_emails as "formerEmails", name, state, state_reason as "stateReason",
  state_changed_at as "stateChangedAt", created_at as "createdAt", last_seen_at as "lastSeenAt"`

const dated = (at: string | Date | null) => (at === null ? null : new Date(at))

const toRow = (row: Raw<UserRow>): UserRow => ({
  ...row,
  stateChangedAt: dated(row.stateChangedAt),
  createdAt: new Date(row.createdAt),
  lastSeenAt: dated(row.lastSeenAt),
})

export interface PageOfUsers {
  /** The id that the page begins after. */
  after: string | null
  limit: number
  state: UserState | null
  /** What name or address begins with. */
  q: string | null
}

/** The newest first; who was erased only where that is asked for. Needs a platform unit of work, as does all that follows. */
export async function listUsers(em: EntityManager, { after, limit, state, q }: PageOfUsers): Promise<UserRow[]> {
  const conditions: [string, unknown[]][] = [
    state === null ? [`state <> 'erased'`, []] : ['state = ?', [state]],
    ...(after === null ? [] : [['id < ?', [after]] as [string, unknown[]]]),
    ...(q === null ? [] : [['(email_key ^@ lower(?) or name_key ^@ lower(?))', [q, q]] as [string, unknown[]]]),
  ]
  const rows = await em.execute<Raw<UserRow>[]>(
    `select ${columns} from tenantry.users where ${conditions.map(([sql]) => sql).join(' and ')} order by id desc limit ?`,
    [...conditions.flatMap(([, values]) => values), limit],
  )
  return rows.map(toRow)
}

export async function findUser(em: EntityManager, id: string): Promise<UserRow | null> {
  const [row] = await em.execute<Raw<UserRow>[]>(`select ${columns} from tenantry.users where id = ?`, [id])
  return row ? toRow(row) : null
}

/** Locked against other changes. Whoever makes them a member meanwhile waits for an erasure, and for nothing else. */
export async function findUserForUpdate(
  em: EntityManager,
  id: string,
  { toErase = false } = {},
): Promise<UserRow | null> {
  const locked = `select ${columns} from tenantry.users where id = ? for ${toErase ? '' : 'no key '}update`
  const [row] = await em.execute<Raw<UserRow>[]>(locked, [id])
  return row ? toRow(row) : null
}

export async function updateState(
  em: EntityManager,
  { id, state, stateReason, stateChangedAt }: Pick<UserRow, 'id' | 'state' | 'stateReason' | 'stateChangedAt'>,
): Promise<void> {
  await em.execute('update tenantry.users set state = ?, state_reason = ?, state_changed_at = ? where id = ?', [
    state,
    stateReason,
    stateChangedAt,
    id,
  ])
}

/** Of all that are told in one statement: none goes back, and none is written that was written in the last minutes. */
export async function touchUsers(
  em: EntityManager,
  { times, apartMilliseconds }: { times: readonly { id: string; at: Date }[]; apartMilliseconds: number },
): Promise<void> {
  await em.execute(
    /* sql */ `with seen as (
        select u.id, told.at from jsonb_to_recordset(?::jsonb) as told (id uuid, at timestamptz)
          join tenantry.users u on u.id = told.id
         where u.state <> 'erased' and (u.last_seen_at is null or u.last_seen_at <= told.at - ?::int * interval '1 millisecond')
         order by u.id for no key update of u skip locked)
      update tenantry.users u set last_seen_at = seen.at from seen where u.id = seen.id`,
    [JSON.stringify(times), apartMilliseconds],
  )
}

export interface UserMembership {
  tenantId: string
  slug: string
  name: string
  status: string
  role: 'owner' | 'admin' | 'member' | 'viewer'
  inheritable: boolean
  joinedAt: Date
  roles: { id: string; name: string }[]
}

export async function listUserMemberships(em: EntityManager, userId: string, limit: number): Promise<UserMembership[]> {
  const rows = await em.execute<Raw<UserMembership>[]>(
    /* sql */ `select m.tenant_id as "tenantId", t.slug, t.name, t.status, m.role, m.inheritable, m.joined_at as "joinedAt",
        (select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name) order by r.name_key), '[]')
           from tenantry.role_assignments a join tenantry.custom_roles r on r.tenant_id = a.tenant_id and r.id = a.role_id
          where a.tenant_id = m.tenant_id and a.user_id = m.user_id) as roles
      from tenantry.memberships m join tenantry.tenants t on t.id = m.tenant_id
     where m.user_id = ? order by m.tenant_id desc limit ?`,
    [userId, limit],
  )
  return rows.map((row) => ({ ...row, joinedAt: new Date(row.joinedAt) }))
}

/** Tenants of which they are a direct member. */
export async function listMemberTenantIds(em: EntityManager, userId: string): Promise<string[]> {
  const listed = 'select tenant_id as "tenantId" from tenantry.memberships where user_id = ?'
  return (await em.execute<{ tenantId: string }[]>(listed, [userId])).map(({ tenantId }) => tenantId)
}

export async function countUserMemberships(em: EntityManager, userId: string): Promise<number> {
  const counted = 'select count(*)::int as count from tenantry.memberships where user_id = ?'
  const [row] = await em.execute<{ count: number }[]>(counted, [userId])
  return row?.count ?? 0
}
