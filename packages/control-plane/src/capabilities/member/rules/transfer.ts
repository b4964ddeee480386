import { type BaseRole, isSeniorRole } from '../../access/index.ts'

/** What stands in the way of one item, as the code of an error with its message. */
export interface Refusal {
  code: string
  message: string
}

export interface Room {
  /** With grace. */
  hardLimit: number
  used: number
}

export interface TransferPlan {
  mode: 'move' | 'copy'
  roleMap: Partial<Record<BaseRole, BaseRole>>
  /** In the order in which they were named; the direct role in the first tenant, null for who has none there. */
  items: readonly { userId: string; role: BaseRole | null; refusal: Refusal | null }[]
  /** Direct members of the second tenant. */
  known: ReadonlySet<string>
  /** Ids of the direct owners of the first tenant who can sign in. */
  owners: readonly string[]
  /** What fits in the second tenant; null is unlimited. */
  room: Record<'users' | 'admins', Room | null>
  /** Why nobody is to be given that role in the second tenant. */
  refuseGrant(role: BaseRole): Refusal | null
}

export type TransferResult =
  | { userId: string; outcome: 'moved' | 'copied'; before: BaseRole; role: BaseRole; refusal: null }
  | { userId: string; outcome: 'refused'; role: null; refusal: Refusal }

const refusals = {
  already_member: { code: 'member.already_member', message: 'They are a member of the other tenant already.' },
  last_owner: { code: 'member.last_owner', message: 'A tenant keeps at least one owner who can sign in.' },
  limit: (meter: string, { hardLimit, used }: Room) => ({
    code: 'usage.limit_exceeded',
    message: `The other tenant has no more room for ${meter}: its limit is ${hardLimit}, of which ${used} are used.`,
  }),
}

/** What becomes of each item: those that come first take the room and, where they may, leave the last owner behind. */
export function planTransfer(plan: TransferPlan): TransferResult[] {
  const owners = new Set(plan.owners)
  const room = { users: plan.room.users && { ...plan.room.users }, admins: plan.room.admins && { ...plan.room.admins } }
  return plan.items.map(({ userId, role: before, refusal }): TransferResult => {
    const refused = (why: Refusal): TransferResult => ({ userId, outcome: 'refused', role: null, refusal: why })
    if (refusal) return refused(refusal)
    if (before === null) return refused({ code: 'member.not_found', message: 'They are no member of this tenant.' })
    const role = plan.roleMap[before] ?? before
    const meters = isSeniorRole(role) ? (['admins', 'users'] as const) : (['users'] as const)
    if (plan.known.has(userId)) return refused(refusals.already_member)
    const beyond = plan.refuseGrant(role)
    if (beyond) return refused(beyond)
    const leaves = plan.mode === 'move' && owners.has(userId)
    if (leaves && owners.size === 1) return refused(refusals.last_owner)
    for (const meter of meters) {
      const found = room[meter]
      if (found && found.used >= found.hardLimit) return refused(refusals.limit(meter, found))
    }

    for (const meter of meters) if (room[meter]) room[meter].used += 1
    if (leaves) owners.delete(userId)
    return { userId, outcome: plan.mode === 'move' ? 'moved' : 'copied', before, role, refusal: null }
  })
}
