import { type Place, type Role, rulesOf, type State, type Step } from './escalation-rules.fixture.ts'

type Of<Verb extends Step['verb']> = Extract<Step, { verb: Verb }>
type Verbs = { [Verb in Step['verb']]: (state: State, step: Of<Verb>, rules: ReturnType<typeof rulesOf>) => boolean }

/** Whether the step may be taken; where it may, the state is what it is afterwards. */
export function take(state: State, step: Step): boolean {
  const verb = verbs[step.verb] as (state: State, step: Step, rules: ReturnType<typeof rulesOf>) => boolean
  return verb(state, step, rulesOf(state))
}

function assign(state: State, role: number, person: number): void {
  if (!state.assigned.some((one) => one.role === role && one.person === person)) state.assigned.push({ role, person })
}

function end(state: State, place: Place, person: number): void {
  state.members[place].delete(person)
  state.assigned = state.assigned.filter((one) => one.person !== person || state.roles[one.role]?.place !== place)
}

const same = (one: Role, other: Role) =>
  JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort())

const verbs: Verbs = {
  createRole(state, { place, caller, scopes, baseRole, inheritable }, rules) {
    const role = { place, scopes, baseRole, inheritable }
    if (!rules.can(place, caller, 'roles:manage') || !rules.grants(place, caller, role)) return false
    state.roles.push(role)
    return true
  },

  updateRole(state, { place, caller, role: which, scopes, baseRole, inheritable }, rules) {
    const before = rules.roleAt(place, which)
    const after = { place, scopes, baseRole, inheritable }
    if (!before || !rules.can(place, caller, 'roles:manage')) return false
    if (same(before, after)) return true
    if (!rules.edits(place, caller, which) || !rules.grants(place, caller, after)) return false
    state.roles[which] = after
    return true
  },

  removeRole(state, { place, caller, role, successor }, rules) {
    if (!rules.edits(place, caller, role) || successor === role) return false
    if (successor !== null) {
      const next = rules.roleAt(place, successor)
      if (!next || !rules.grants(place, caller, next)) return false
      for (const person of rules.holders(role)) assign(state, successor, person)
    }
    state.assigned = state.assigned.filter((one) => one.role !== role)
    state.roles[role] = null
    return true
  },

  assign(state, { place, caller, role, person }, rules) {
    const given = rules.roleAt(place, role)
    if (!given || !rules.givesTo(place, caller, person) || !rules.grants(place, caller, given)) return false
    assign(state, role, person)
    return true
  },

  take(state, { place, caller, role, person }, rules) {
    if (!rules.roleAt(place, role) || !rules.givesTo(place, caller, person)) return false
    if (!rules.holders(role).includes(person)) return false
    state.assigned = state.assigned.filter((one) => one.role !== role || one.person !== person)
    return true
  },

  add(state, { place, caller, person, base }, rules) {
    if (!rules.can(place, caller, 'members:manage') || state.members[place].has(person)) return false
    if (!rules.grantsBase(place, caller, base)) return false
    state.members[place].set(person, base)
    return true
  },

  update(state, { place, caller, person, base }, rules) {
    if (!rules.changes(place, caller, person) || !rules.grantsBase(place, caller, base)) return false
    if (base !== 'owner' && rules.isLastOwner(place, person)) return false
    state.members[place].set(person, base)
    return true
  },

  remove(state, { place, caller, person }, rules) {
    if (!rules.changes(place, caller, person) || rules.isLastOwner(place, person)) return false
    end(state, place, person)
    return true
  },

  leave(state, { place, caller }, rules) {
    if (!state.members[place].has(caller) || rules.isLastOwner(place, caller)) return false
    end(state, place, caller)
    return true
  },

  transferOwnership(state, { place, caller, person, keep }, rules) {
    const members = state.members[place]
    const owners = rules.owners(place)
    const former = owners.includes(caller) || owners.length > 1 ? caller : owners[0]
    if (!rules.can(place, caller, 'tenant:own') || !members.has(person) || former === person) return false
    members.set(person, 'owner')
    if (former !== undefined && owners.includes(former)) members.set(former, keep)
    return true
  },

  transfer(state, { place, caller, person, mode, base }, rules) {
    const to: Place = place === 0 ? 1 : 0
    const before = state.members[place].get(person)
    if (![place, to].every((one) => rules.can(one, caller, 'members:manage')) || before === undefined) return false
    const after = base ?? before
    if (state.members[to].has(person) || !rules.grantsBase(to, caller, after)) return false
    if (mode === 'move') {
      if (!rules.changes(place, caller, person) || rules.isLastOwner(place, person)) return false
      end(state, place, person)
    }
    state.members[to].set(person, after)
    return true
  },

  invite(state, { place, caller, person, base, roles }, rules) {
    if (state.members[place].has(person)) return false
    if (roles.some((role) => !rules.roleAt(place, role)) || !rules.invites(place, caller, { base, roles })) return false
    if (state.invitations.some((one) => one?.place === place && one.person === person)) return false
    state.invitations.push({ place, inviter: caller, person, base, roles })
    return true
  },

  accept(state, { invitation: which }, rules) {
    const invitation = state.invitations[which]
    if (!invitation) return false
    const { place, inviter, person, base } = invitation
    const roles = invitation.roles.filter((role) => rules.roleAt(place, role))
    if (state.members[place].has(person) || !rules.invites(place, inviter, { base, roles })) return false
    state.members[place].set(person, base)
    for (const role of roles) assign(state, role, person)
    state.invitations[which] = null
    return true
  },
}
