import { type BaseRole, baseRoles, createScopes, isSeniorRole, scopesOfRole } from '../src/capabilities/access/index.ts'

/** Of two tenants, of which the second stands below the first. */
export type Place = 0 | 1

export interface Role {
  place: Place
  scopes: string[]
  baseRole: Exclude<BaseRole, 'owner'> | null
  inheritable: boolean
}

/** What there is, by numbers of people, roles and invitations in the order in which they were made. */
export interface State {
  members: [Map<number, BaseRole>, Map<number, BaseRole>]
  /** Null was deleted. */
  roles: (Role | null)[]
  assigned: { role: number; person: number }[]
  /** Null is closed. */
  invitations: (Invitation | null)[]
}

export interface Invitation {
  place: Place
  inviter: number
  person: number
  base: BaseRole
  roles: number[]
}

export type Composition = Omit<Role, 'place'>
export type Step = { place: Place; caller: number } & (
  | ({ verb: 'createRole' } & Composition)
  | ({ verb: 'updateRole'; role: number } & Composition)
  | { verb: 'removeRole'; role: number; successor: number | null }
  | { verb: 'assign'; role: number; person: number }
  | { verb: 'take'; role: number; person: number }
  | { verb: 'add'; person: number; base: BaseRole }
  | { verb: 'update'; person: number; base: BaseRole }
  | { verb: 'remove'; person: number }
  | { verb: 'leave' }
  | { verb: 'transferOwnership'; person: number; keep: BaseRole }
  | { verb: 'transfer'; person: number; mode: 'move' | 'copy'; base: BaseRole | null }
  | { verb: 'invite'; person: number; base: BaseRole; roles: number[] }
  | { verb: 'accept'; invitation: number }
)

const catalogue = createScopes([])
const noScopes: ReadonlySet<string> = new Set()
const within = (some: ReadonlySet<string>, all: ReadonlySet<string>) => [...some].every((scope) => all.has(scope))

/** The rules as the specification words them: what may be done in a state, and what comes of it. */
export function rulesOf(state: State) {
  const baseOf = (place: Place, person: number): BaseRole | undefined => {
    const above = place === 1 ? state.members[0].get(person) : undefined
    const reaching = [state.members[place].get(person), above && isSeniorRole(above) ? above : undefined]
    return baseRoles.find((base) => reaching.includes(base))
  }
  const rolesOf = (place: Place, person: number) =>
    state.assigned.flatMap((one) => {
      const role = one.person === person ? state.roles[one.role] : null
      return role && (role.place === place || (role.inheritable && role.place < place)) ? [role] : []
    })
  const sum = (base: BaseRole | undefined, roles: Role[]): ReadonlySet<string> =>
    new Set([
      ...(base ? catalogue.ofRole[base] : noScopes),
      ...roles.flatMap((role) => [...scopesOfRole(role, catalogue)]),
    ])

  const held = (place: Place, person: number) => sum(baseOf(place, person), rolesOf(place, person))
  /** Of that, what reaches further down. */
  const reaching = (place: Place, person: number) => {
    const base = baseOf(place, person)
    return sum(
      base && isSeniorRole(base) ? base : undefined,
      rolesOf(place, person).filter(({ inheritable }) => inheritable),
    )
  }
  const can = (place: Place, person: number, scope: string) => held(place, person).has(scope)
  const manages = (place: Place, person: number, others: ReadonlySet<string>) => {
    const own = held(place, person)
    return own.has('tenant:own') || (own.size > others.size && within(others, own))
  }
  const grants = (place: Place, person: number, { inheritable, ...role }: Composition) => {
    const given = scopesOfRole(role, catalogue)
    return within(given, held(place, person)) && (!inheritable || within(given, reaching(place, person)))
  }
  const grantsBase = (place: Place, person: number, base: BaseRole) =>
    within(catalogue.ofRole[base], isSeniorRole(base) ? reaching(place, person) : held(place, person))
  const holders = (role: number) => state.assigned.filter((one) => one.role === role).map(({ person }) => person)
  const owners = (place: Place) =>
    [...state.members[place]].filter(([, base]) => base === 'owner').map(([person]) => person)
  const isLastOwner = (place: Place, person: number) => owners(place).length === 1 && owners(place)[0] === person
  const roleAt = (place: Place, role: number) => {
    const found = state.roles[role]
    return found?.place === place ? found : null
  }
  /** A membership: one may give up something of one's own. */
  const changes = (place: Place, caller: number, person: number) =>
    can(place, caller, 'members:manage') &&
    state.members[place].has(person) &&
    (caller === person || manages(place, caller, held(place, person)))
  /** Custom roles, to or from a member. */
  const givesTo = (place: Place, caller: number, person: number) =>
    can(place, caller, 'roles:manage') &&
    state.members[place].has(person) &&
    manages(place, caller, held(place, person))
  const edits = (place: Place, caller: number, which: number) => {
    const role = roleAt(place, which)
    if (!role || !can(place, caller, 'roles:manage')) return false
    const touched = [scopesOfRole(role, catalogue), ...holders(which).map((person) => held(place, person))]
    return touched.every((scopes) => manages(place, caller, scopes))
  }
  const invites = (place: Place, inviter: number, { base, roles }: Pick<Invitation, 'base' | 'roles'>) =>
    can(place, inviter, 'members:manage') &&
    (roles.length === 0 || can(place, inviter, 'roles:manage')) &&
    grantsBase(place, inviter, base) &&
    roles.every((role) => grants(place, inviter, state.roles[role] as Role))
  return {
    held,
    can,
    manages,
    grants,
    grantsBase,
    owners,
    isLastOwner,
    changes,
    givesTo,
    edits,
    invites,
    roleAt,
    holders,
  }
}
