import { type BaseRole, effectivePermissions, listHoldings } from '../src/capabilities/access/index.ts'
import { planNamed } from '../src/capabilities/plan/index.ts'
import { operator, type TestInstallation, type TestTenant } from '../src/testing.ts'
import { take } from './escalation-model.fixture.ts'
import { play, type Stage } from './escalation-play.fixture.ts'
import type { Composition, Place, State, Step } from './escalation-rules.fixture.ts'

/** Owner, admin and three stewards; the owner and a steward below; people who hold little; four who are nobody yet. */
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
  make(0, { scopes: ['members:manage', 'usage:adjust'], baseRole: 'viewer' }, 9),
]

/** By stewards, with what they may give. */
const invitations: Step[] = [
  { verb: 'invite', place: 0, caller: 2, person: 10, base: 'viewer', roles: [5] },
  { verb: 'invite', place: 0, caller: 3, person: 11, base: 'viewer', roles: [4] },
]

export async function setStage(installation: TestInstallation): Promise<Stage> {
  const above = await installation.createTenant({ plan: 'enterprise' })
  const places: Stage['places'] = [above, await installation.createTenant({ plan: 'enterprise', parent: above })]
  const people = await Promise.all(cast.map(() => installation.createUser()))
  // Only those add each other who share a tenant.
  const { id: elsewhere } = await installation.createTenant()
  for (const { id } of people) await installation.addMember(elsewhere, id, 'viewer')
  const state: State = { members: [new Map(), new Map()], roles: [], assigned: [], invitations: [] }
  const stage: Stage = { installation, places, people, roleIds: [], tokens: [], state }
  const memberships = cast.flatMap((bases, person) =>
    bases.flatMap((base, place) => (base === null ? [] : [{ person, place: place as Place, base }])),
  )
  for (const { person, place, base } of memberships) {
    await installation.addMember(places[place].id, people[person]?.id ?? '', base)
    state.members[place].set(person, base)
  }
  for (const { role, person } of initialRoles) {
    const owner = { place: role.place, caller: role.place === 0 ? 0 : 5 }
    const steps: Step[] = [{ ...owner, verb: 'createRole', ...role }]
    if (person !== null) steps.push({ ...owner, verb: 'assign', role: stage.roleIds.length, person })
    for (const step of steps) await prepare(stage, step)
  }
  for (const step of invitations) await prepare(stage, step)
  return stage
}

async function prepare(stage: Stage, step: Step): Promise<void> {
  if (!(await play(stage, step)) || !take(stage.state, step)) throw new Error(`The stage cannot be set: ${step.verb}`)
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
