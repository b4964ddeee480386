import { newId } from '@tenantry/kernel/tenancy/id'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { baseRoles } from '../src/capabilities/access/index.ts'
import { findMemberAccess } from '../src/capabilities/access/repository.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { take } from './escalation-model.fixture.ts'
import { play, type Stage } from './escalation-play.fixture.ts'
import { type Place, rulesOf, type State, type Step } from './escalation-rules.fixture.ts'
import { initialRoles, readHoldings, readState, setStage } from './escalation-stage.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

// Few scopes of many, so that random sets are often within one another.
const grantable = ['members:manage', 'roles:manage', 'usage:adjust', 'audit:read', 'finance:manage']
const composition = {
  scopes: fc.subarray(grantable),
  baseRole: fc.constantFrom(null, null, 'viewer' as const, 'member' as const, 'admin' as const),
  inheritable: fc.boolean(),
}
/** Weighted: mostly those who may do something, and not all, to those who hold little. */
const often = (...weights: [person: number, weight: number][]) =>
  fc.constantFrom(...weights.flatMap(([person, weight]) => Array.from({ length: weight }, () => person)))
const callers = [
  often([0, 1], [1, 2], [2, 5], [3, 4], [4, 3], [5, 1], [8, 1], [9, 2]),
  often([0, 1], [1, 2], [3, 4], [5, 1], [6, 5], [7, 1]),
] as const
const person = often([0, 1], [1, 1], [2, 1], [3, 1], [4, 1], [5, 1], [6, 1], [7, 3], [8, 3], [9, 3], [10, 2], [11, 2])
const guest = fc.constantFrom(2, 6, 12, 12, 13, 13)
const base = fc.constantFrom(...baseRoles)
const guestBase = fc.constantFrom(...baseRoles, 'viewer', 'viewer', 'viewer')
/** Those that were there from the beginning, and some that are made. */
const role = fc.nat(initialRoles.length + 1)
const weakRole = fc.constantFrom(4, 5, 6, 7, 8, 13)
const strongRole = fc.constantFrom(4, 9, 10, 11, 7, 8)
const guestRoles = fc.oneof(
  fc.constantFrom([], [5], [7], [8], [5, 9], [6, 11]),
  strongRole.map((one) => [one]),
)
const owners = [0, 5] as const
const place = fc.constantFrom(0 as const, 0 as const, 1 as const)

/** What names roles is done where the first of them is. */
const placed = (fields: { role?: number; roles?: number[] }, elsewhere: Place): Place =>
  initialRoles[fields.role ?? fields.roles?.[0] ?? -1]?.role.place ?? elsewhere
const of = <Verb extends Step['verb']>(verb: Verb, fields: object) =>
  fc
    .tuple(place, fc.record(fields))
    .map(([elsewhere, given]) => ({ ...given, verb, place: placed(given, elsewhere) }))
    .chain((given) => callers[given.place].map((caller) => ({ ...given, caller }))) as unknown as fc.Arbitrary<Step>
/** Owners of either tenant, about themselves. */
const ofOwner = (verb: Step['verb'], fields: object = {}) =>
  fc
    .tuple(place, fc.record(fields))
    .map(([at, given]) => ({ ...given, verb, place: at, caller: owners[at], person: owners[at] }) as unknown as Step)
/** By the owner, what takes from the stewards the right to what they have invited to. */
const disarm = fc.constantFrom<Step>(
  { verb: 'take', place: 0, caller: 0, role: 0, person: 2 },
  { verb: 'remove', place: 0, caller: 0, person: 3 },
  { verb: 'updateRole', place: 0, caller: 0, role: 5, scopes: ['finance:manage'], baseRole: null, inheritable: false },
)
/** Who manages members, and no roles. */
const withoutRoles = guest.map(
  (invited): Step => ({ verb: 'invite', place: 0, caller: 9, person: invited, base: 'viewer', roles: [7] }),
)
const step = fc.oneof(
  { weight: 2, arbitrary: disarm },
  withoutRoles,
  ofOwner('update', { base }),
  ofOwner('remove'),
  ofOwner('leave'),
  { weight: 2, arbitrary: ofOwner('transfer', { mode: fc.constant('move'), base: fc.constant(null) }) },

  of('createRole', composition),
  { weight: 3, arbitrary: of('updateRole', { role, ...composition }) },
  { weight: 2, arbitrary: of('removeRole', { role: weakRole, successor: fc.option(strongRole) }) },
  { weight: 4, arbitrary: of('assign', { role, person }) },
  of('take', { role, person }),
  { weight: 2, arbitrary: of('add', { person, base }) },
  { weight: 3, arbitrary: of('update', { person, base }) },
  of('remove', { person }),
  of('transferOwnership', { person, keep: base }),
  { weight: 3, arbitrary: of('transfer', { person, mode: fc.constantFrom('move', 'copy'), base: fc.option(base) }) },
  { weight: 4, arbitrary: of('invite', { person: guest, base: guestBase, roles: guestRoles }) },
  { weight: 3, arbitrary: of('accept', { invitation: fc.nat(4) }) },
)

/** A steward at work while their role is taken from them. */
const duel: Step[] = [
  { verb: 'take', place: 0, caller: 0, role: 0, person: 2 },
  { verb: 'assign', place: 0, caller: 2, role: 5, person: 9 },
  { verb: 'assign', place: 0, caller: 2, role: 7, person: 8 },
  { verb: 'add', place: 0, caller: 2, person: 12, base: 'viewer' },
  { verb: 'createRole', place: 0, caller: 2, scopes: ['usage:adjust'], baseRole: null, inheritable: false },
  { verb: 'update', place: 0, caller: 2, person: 8, base: 'viewer' },
  { verb: 'remove', place: 0, caller: 2, person: 8 },
]

const numRuns = inject('soak') ? 150 : 6
const timeout = 240_000

test('no sequence of operations gives anybody what neither they nor the caller held, or leaves a tenant without owner', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 50 }), async (steps) => {
      const stage = await setStage(installation)
      let before = await readHoldings(stage)
      for (const one of steps) {
        const granter = granterOf(stage.state, one)
        const done = await play(stage, one)
        const after = await readHoldings(stage)
        expectNoEscalation(one, { granter, before, after })
        expect(after.map(({ isOwned }) => isOwned)).toEqual([true, true])
        expect({ one, done }).toEqual({ one, done: take(stage.state, one) })
        before = after
      }
      await expectAsModelled(stage)
    }),
    { numRuns, endOnFailure: !inject('soak') },
  )
})

test('operations at the same time come to what they would come to one after the other', { timeout }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 30 }), async (steps) => {
      const stage = await setStage(installation)
      const known = stage.roleIds.length
      // In one tenant, whose log is the order in which they were done; what is made meanwhile nobody can name.
      const here = steps
        .filter(({ verb }) => verb !== 'transfer' && verb !== 'invite')
        .map((one) => ({ ...one, place: 0 as const, ...('role' in one && { role: one.role % known }) }) as Step)
      const played = await Promise.all([...duel, ...here].map((one) => playNamed(stage, one)))
      await expectInOrder(stage, played)
      expect((await readHoldings(stage)).map(({ isOwned }) => isOwned)).toEqual([true, true])
    }),
    { numRuns, endOnFailure: !inject('soak') },
  )
})

type Holdings = Awaited<ReturnType<typeof readHoldings>>

/** Whose word it is: of an invitation, that of who wrote it. */
const granterOf = ({ invitations }: State, one: Step) =>
  one.verb === 'accept' ? (invitations[one.invitation]?.inviter ?? one.caller) : one.caller

function expectNoEscalation(
  one: Step,
  { granter, before, after }: { granter: number; before: Holdings; after: Holdings },
): void {
  const gained = after.map(({ scopes }, at) => {
    const former = before[at]?.scopes ?? []
    return scopes.flatMap((held, who) =>
      [...held].filter((scope) => !former[who]?.has(scope) && !former[granter]?.has(scope)),
    )
  })
  expect({ one, gained }).toEqual({ one, gained: [[], []] })
}

/** What the database holds, and what the directory lets everybody do. */
async function expectAsModelled(stage: Stage): Promise<void> {
  const { members, roles, assigned } = await readState(stage)
  const key = (one: State['assigned'][number]) => `${one.role} ${one.person}`
  expect({ members, roles }).toEqual({ members: stage.state.members, roles: stage.state.roles })
  expect(assigned.map(key).sort()).toEqual(stage.state.assigned.map(key).sort())
  const { held } = rulesOf(stage.state)
  const told = await readHoldings(stage)
  for (const at of [0, 1] as const) {
    expect(told[at]?.scopes).toEqual(stage.people.map((_, who) => held(at, who)))
    for (const [who, { id }] of stage.people.entries()) {
      const unit = { userId: id, readOnly: true }
      const access = await installation.database.userUnit(unit, (em) => findMemberAccess(em, stage.places[at].id))
      expect(access !== null).toBe(held(at, who).size > 0)
    }
  }
}

async function playNamed(stage: Stage, one: Step) {
  const requestId = newId()
  return { one, requestId, done: await play(stage, one, requestId) }
}

/** Each that was done was open to its caller by what had been done until then. */
async function expectInOrder(stage: Stage, played: Awaited<ReturnType<typeof playNamed>>[]): Promise<void> {
  const log = await installation.auditEntries(stage.places[0].id)
  const order = new Map(log.toReversed().map(({ requestId }, at) => [requestId, -at]))
  const done = played.filter((one) => one.done && order.has(one.requestId))
  const inOrder = done.toSorted((one, next) => (order.get(one.requestId) ?? 0) - (order.get(next.requestId) ?? 0))
  for (const { one } of inOrder) expect({ one, done: take(stage.state, one) }).toEqual({ one, done: true })
  const { members, roles, assigned } = await readState(stage)
  const key = (one: State['assigned'][number]) => `${one.role} ${one.person}`
  const first = (all: State['roles']) => all.slice(0, initialRoles.length)
  expect({ members, roles: first(roles) }).toEqual({ members: stage.state.members, roles: first(stage.state.roles) })
  expect(assigned.map(key).sort()).toEqual(stage.state.assigned.map(key).sort())
}
