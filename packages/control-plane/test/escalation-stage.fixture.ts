import { AppError } from '@tenantry/kernel/errors/app-error'
import { type BaseRole, effectivePermissions, listHoldings } from '../src/capabilities/access/index.ts'
import { tokenTo } from '../src/capabilities/invitation/service.fixture.ts'
import { planNamed } from '../src/capabilities/plan/index.ts'
import { operator, type TestInstallation, type TestTenant, type TestUser } from '../src/testing.ts'
import { take } from './escalation-model.fixture.ts'
import type { Composition, Place, State, Step } from './escalation-rules.fixture.ts'

/** A real tenant with one below it, and what the model says of both. */
export interface Stage {
  installation: TestInstallation
  places: [TestTenant, TestTenant]
  people: TestUser[]
  roleIds: string[]
  /** By invitation of the model. */
  tokens: string[]
  state: State
}

const current = { tenantId: 'current' } as const
let made = 0

/** Owner, admin and three stewards; the owner and a steward below; people who hold little; two who are nobody yet. */
const cast: (BaseRole | null)[][] = [
  ['owner', null],
  ['admin', null],
  ['viewer', null],
  ['viewer', 'viewer'],
  ['viewer', null],
  ['member', 'owner'],
  [null, 'viewer'],
  ['viewer', 'viewer'],
  ['viewer', 'viewer'],
  ['viewer', 'viewer'],
  [null, null],
  [null, null],
]

const steward = ['members:manage', 'roles:manage']
const make = (place: Place, composition: Partial<Composition>, person: number | null) => ({
  role: { place, scopes: [], baseRole: null, inheritable: false, ...composition },
  person,
})

/** What stewards stand on, what they may change, and what is too strong for them. */
export const initialRoles = [
  make(0, { scopes: [...steward, 'usage:adjust'], baseRole: 'viewer' }, 2),
  make(0, { scopes: [...steward, 'audit:read'], baseRole: 'viewer', inheritable: true }, 3),
  make(0, { baseRole: 'admin' }, 4),
  make(1, { scopes: [...steward, 'usage:adjust'], baseRole: 'viewer' }, 6),
  make(0, { scopes: ['audit:read'], inheritable: true }, 7),
  make(0, { scopes: ['usage:adjust'] }, 8),
  make(1, { scopes: ['usage:adjust'] }, 8),
  make(0, { scopes: ['usage:adjust'] }, null),
  make(1, { scopes: ['usage:adjust'] }, null),
  make(0, { scopes: ['audit:read', 'finance:manage'] }, null),
  make(0, { baseRole: 'admin', inheritable: true }, null),
  make(1, { scopes: ['finance:manage'] }, null),
]

export async function setStage(installation: TestInstallation): Promise<Stage> {
  const above = await installation.createTenant({ plan: 'enterprise' })
  const places: Stage['places'] = [above, await installation.createTenant({ plan: 'enterprise', parent: above })]
  const people = await Promise.all(cast.map(() => installation.createUser()))
  const state: State = { members: [new Map(), new Map()], roles: [], assigned: [], invitations: [] }
  const stage: Stage = { installation, places, people, roleIds: [], tokens: [], state }
  for (const [person, bases] of cast.entries())
    for (const [place, base] of bases.entries()) {
      if (base === null) continue
      await installation.addMember(places[place]?.id ?? '', people[person]?.id ?? '', base)
      state.members[place as Place].set(person, base)
    }
  for (const { role, person } of initialRoles) {
    const owner = { place: role.place, caller: role.place === 0 ? 0 : 5 }
    const steps: Step[] = [{ ...owner, verb: 'createRole', ...role }]
    if (person !== null) steps.push({ ...owner, verb: 'assign', role: stage.roleIds.length, person })
    for (const step of steps) {
      if (!(await play(stage, step)) || !take(state, step)) throw new Error(`The stage cannot be set: ${step.verb}`)
    }
  }
  return stage
}

/** Whether it was done. What was refused for a declared reason was not. */
export async function play(stage: Stage, step: Step, requestId?: string): Promise<boolean> {
  return act(stage, step, requestId).then(
    (done) => done,
    (error: unknown) => {
      if (error instanceof AppError && error.kind !== 'internal') return false
      throw error
    },
  )
}

async function act(stage: Stage, step: Step, requestId: string | undefined): Promise<boolean> {
  const { installation, places, people, roleIds, tokens } = stage
  const options = requestId === undefined ? {} : { requestId }
  const callerOf = (person: number) => installation.callerAs(people[person] as TestUser, places[step.place].id, options)
  const { roles: asRoles, userRoles, members, invitations } = callerOf(step.caller)
  const named = (person: number) => ({ ...current, userId: people[person]?.id ?? '' })
  const roleId = (role: number) => roleIds[role] ?? ''
  switch (step.verb) {
    case 'createRole': {
      const { scopes, baseRole, inheritable } = step
      made += 1
      const role = await asRoles.create({ ...current, name: `Role ${made}`, scopes, baseRole, inheritable })
      roleIds.push(role.id)
      return true
    }
    case 'updateRole': {
      const { scopes, baseRole, inheritable } = step
      await asRoles.update({ ...current, roleId: roleId(step.role), scopes, baseRole, inheritable })
      return true
    }
    case 'removeRole':
      await asRoles.remove({
        ...current,
        roleId: roleId(step.role),
        reassignTo: step.successor === null ? 'none' : roleId(step.successor),
      })
      return true
    case 'assign':
      await userRoles.add({ ...named(step.person), roleId: roleId(step.role) })
      return true
    case 'take':
      await userRoles.remove({ ...named(step.person), roleId: roleId(step.role) })
      return true
    case 'add':
      await members.add({ ...named(step.person), role: step.base })
      return true
    case 'update':
      await members.update({ ...named(step.person), role: step.base })
      return true
    case 'remove':
      await members.remove(named(step.person))
      return true
    case 'leave':
      await members.leave(current)
      return true
    case 'transferOwnership':
      await members.transferOwnership({ ...named(step.person), keepRole: step.keep })
      return true
    case 'transfer': {
      const from = stage.state.members[step.place].get(step.person)
      const { results } = await members.transfer({
        ...current,
        toTenantId: places[step.place === 0 ? 1 : 0].id,
        mode: step.mode,
        userIds: [people[step.person]?.id ?? ''],
        roleMap: step.base && from ? { [from]: step.base } : {},
      })
      return results[0]?.outcome !== 'refused'
    }
    case 'invite': {
      const { email = '' } = people[step.person] ?? {}
      await invitations.create({ ...current, email, role: step.base, roleIds: step.roles.map(roleId) })
      tokens.push(await tokenTo(installation, email, places[step.place].slug))
      return true
    }
    case 'accept': {
      const person = stage.state.invitations[step.invitation]?.person
      if (person === undefined) return false
      await callerOf(person).invitations.accept({ token: tokens[step.invitation] ?? '' })
      return true
    }
  }
}

/** What the database says, in the model's words but for invitations. */
export async function readState({ installation, places, people, roleIds }: Stage): Promise<Omit<State, 'invitations'>> {
  const placeOf = (id: string) => places.findIndex((place) => place.id === id) as Place
  const personOf = (id: string) => people.findIndex((person) => person.id === id)
  return installation.database.platformUnit({ actor: operator, readOnly: true }, async (em) => {
    const ids = places.map(({ id }) => id)
    const read = <Row>(text: string) => em.execute<Row[]>(`${text} where tenant_id in (?, ?)`, ids)
    const members: State['members'] = [new Map(), new Map()]
    for (const row of await read<{ tenant_id: string; user_id: string; role: BaseRole }>(
      'select tenant_id, user_id, role from tenantry.memberships',
    ))
      members[placeOf(row.tenant_id)].set(personOf(row.user_id), row.role)
    const found = await read<{ tenant_id: string; id: string } & Composition>(
      'select tenant_id, id, scopes, base_role as "baseRole", inheritable from tenantry.custom_roles',
    )
    const known = new Map(found.map(({ tenant_id, id, ...role }) => [id, { place: placeOf(tenant_id), ...role }]))
    const assigned = await read<{ role_id: string; user_id: string }>(
      'select role_id, user_id from tenantry.role_assignments',
    )
    return {
      members,
      roles: roleIds.map((id) => known.get(id) ?? null),
      assigned: assigned.map((row) => ({ role: roleIds.indexOf(row.role_id), person: personOf(row.user_id) })),
    }
  })
}

/** By place: what counts there, by person, and whether somebody owns the tenant itself. */
export async function readHoldings({ installation, places, people }: Stage) {
  const { catalogue, scopes } = installation.dependencies.services
  const { features } = planNamed(catalogue, 'enterprise')
  const userIds = people.map(({ id }) => id)
  const read = async ({ id: tenantId }: TestTenant) => {
    const unit = { tenantId, actor: operator, readOnly: true }
    const found = await installation.database.tenantUnit(unit, (em) => listHoldings(em, { tenantId, userIds }))
    const byId = new Map(found.map((one) => [one.userId, effectivePermissions(one, scopes, features).scopes]))
    return {
      scopes: userIds.map((id) => byId.get(id) ?? new Set<string>()),
      isOwned: found.some(({ directRole }) => directRole === 'owner'),
    }
  }
  return Promise.all(places.map(read))
}
