import type { EntityManager } from '@mikro-orm/postgresql'

export interface TenantBelow {
  id: string
  parentId: string | null
  slug: string
  name: string
  status: string
  plan: string
  createdAt: Date
}

export type Child = TenantBelow & { hasChildren: boolean }
export type Node = TenantBelow & { depth: number }

const columns = /* sql */ `tenant_id as id, parent_id as "parentId", slug, name, status, plan, created_at as "createdAt"`

const dated = <Row extends TenantBelow>(rows: Row[]): Row[] =>
  rows.map((row) => ({ ...row, createdAt: new Date(row.createdAt) }))

/** Of the tenant of the unit of work, the newest first, as far as the signed user reaches them; operators reach all. */
export async function listChildren(em: EntityManager, after: string | null, limit: number): Promise<Child[]> {
  const children = `select ${columns}, has_children as "hasChildren" from directory.children(?, ?)`
  return dated(await em.execute<Child[]>(children, [after, limit]))
}

/** The tenant of the unit of work first, then level by level what the signed user reaches of those below it. */
export async function listSubtree(em: EntityManager, levels: number, limit: number): Promise<Node[]> {
  return dated(await em.execute<Node[]>(`select ${columns}, depth from directory.subtree(?, ?)`, [levels, limit]))
}

export interface SubtreeUsage {
  tenants: number
  people: number
  admins: number
  /** By meter. */
  counted: Record<string, number>
  standing: Record<string, number>
  /** What other meters count of our own rows, by `countedFrom`. */
  owned: Record<string, number>
}

/** Days as `2026-11-21`. Null where the signed user's role does not reach those below. */
export async function findSubtreeUsage(
  em: EntityManager,
  { from, to }: { from: string; to: string },
): Promise<SubtreeUsage | null> {
  const [row] = await em.execute<SubtreeUsage[]>('select * from hierarchy.subtree_usage(?, ?)', [from, to])
  return row ? { ...row, tenants: Number(row.tenants), people: Number(row.people), admins: Number(row.admins) } : null
}

export interface Move {
  outcome: 'moved' | 'unmoved' | 'no_parent' | 'cycle' | 'too_deep'
  formerParent: string | null
  /** Of the moved tenant, as it is now. */
  version: number
  /** Ids of the tenants that have another place, the moved one included. */
  affected: string[]
}

/** Waits for moves under way. Needs the operators' connection. */
export async function moveSubtree(
  em: EntityManager,
  { parentId, maximumLevels, at }: { parentId: string | null; maximumLevels: number; at: Date },
): Promise<Move> {
  const [move] = await em.execute<Move[]>(
    `select outcome, former_parent as "formerParent", version, affected from hierarchy.move_tenant(?, ?, ?)`,
    [parentId, maximumLevels, at],
  )
  if (!move) throw new Error('The move answered nothing')
  return move
}
