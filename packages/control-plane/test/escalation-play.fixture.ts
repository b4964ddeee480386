import { AppError } from '@tenantry/kernel/errors/app-error'
import type { InternalCaller } from '../src/caller.ts'
import { tokenTo } from '../src/capabilities/invitation/service.fixture.ts'
import type { TestInstallation, TestTenant, TestUser } from '../src/testing.ts'
import type { State, Step } from './escalation-rules.fixture.ts'

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

type Acts = {
  [Verb in Step['verb']]: (
    stage: Stage,
    step: Extract<Step, { verb: Verb }>,
    caller: InternalCaller,
  ) => Promise<unknown>
}

/** Whether it was done. What was refused for a declared reason was not. */
export async function play(stage: Stage, step: Step, requestId?: string): Promise<boolean> {
  const act = acts[step.verb] as (stage: Stage, step: Step, caller: InternalCaller) => Promise<unknown>
  const person = step.verb === 'accept' ? stage.state.invitations[step.invitation]?.person : step.caller
  if (person === undefined) return false
  const options = requestId === undefined ? {} : { requestId }
  const caller = stage.installation.callerAs(stage.people[person] as TestUser, stage.places[step.place].id, options)
  return act(stage, step, caller).then(
    (answer) => answer !== 'refused',
    (error: unknown) => {
      if (error instanceof AppError && error.kind !== 'internal') return false
      throw error
    },
  )
}

const current = { tenantId: 'current' } as const
const userOf = ({ people }: Stage, person: number) => ({ ...current, userId: people[person]?.id ?? '' })
const roleOf = ({ roleIds }: Stage, role: number) => ({ ...current, roleId: roleIds[role] ?? '' })
let made = 0

const acts: Acts = {
  async createRole({ roleIds }, { scopes, baseRole, inheritable }, { roles }) {
    made += 1
    const role = await roles.create({ ...current, name: `Role ${made}`, scopes, baseRole, inheritable })
    roleIds.push(role.id)
  },
  updateRole: (stage, { role, scopes, baseRole, inheritable }, { roles }) =>
    roles.update({ ...roleOf(stage, role), scopes, baseRole, inheritable }),
  removeRole(stage, { role, successor }, { roles }) {
    const reassignTo = successor === null ? 'none' : roleOf(stage, successor).roleId
    return roles.remove({ ...roleOf(stage, role), reassignTo })
  },
  assign: (stage, { role, person }, { userRoles }) =>
    userRoles.add({ ...userOf(stage, person), ...roleOf(stage, role) }),
  take: (stage, { role, person }, { userRoles }) =>
    userRoles.remove({ ...userOf(stage, person), ...roleOf(stage, role) }),
  add: (stage, { person, base }, { members }) => members.add({ ...userOf(stage, person), role: base }),
  update: (stage, { person, base }, { members }) => members.update({ ...userOf(stage, person), role: base }),
  remove: (stage, { person }, { members }) => members.remove(userOf(stage, person)),
  leave: (_stage, _step, { members }) => members.leave(current),
  transferOwnership: (stage, { person, keep }, { members }) =>
    members.transferOwnership({ ...userOf(stage, person), keepRole: keep }),
  async transfer(stage, { place, person, mode, base }, { members }) {
    const from = stage.state.members[place].get(person)
    const { userId } = userOf(stage, person)
    const { results } = await members.transfer({
      ...current,
      toTenantId: stage.places[place === 0 ? 1 : 0].id,
      mode,
      userIds: [userId],
      roleMap: base && from ? { [from]: base } : {},
    })
    return results[0]?.outcome
  },
  async invite(stage, { place, person, base, roles }, { invitations }) {
    const { installation, people, places, tokens } = stage
    const { email = '' } = people[person] ?? {}
    const roleIds = roles.map((role) => roleOf(stage, role).roleId)
    await invitations.create({ ...current, email, role: base, roleIds })
    tokens.push(await tokenTo(installation, email, places[place].slug))
  },
  accept: ({ tokens }, { invitation }, { invitations }) => invitations.accept({ token: tokens[invitation] ?? '' }),
}
