import { newId } from '@tenantry/kernel/tenancy/id'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { baseRoles } from '../src/capabilities/access/index.ts'
import { findMemberAccess } from '../src/capabilities/access/repository.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { take } from './escalation-model.fixture.ts'
import { rulesOf, type State, type Step } from './escalation-rules.fixture.ts'
import { play, readHoldings, readState, type Stage, setStage } from './escalation-stage.fixture.ts'

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
/** Mostly those who may do something, and not all. */
const caller = fc.constantFrom(0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 6, 7, 8)
const person = fc.nat(9)
const base = fc.constantFrom(...baseRoles)
/** Those that were there from the beginning, and some that are made. */
const role = fc.oneof({ weight: 3, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: fc.nat(14) })
const place = fc.constantFrom(0 as const, 0 as const, 1 as const)
const by = { place, caller }
const of = <Verb extends Step['verb']>(verb: Verb, fields: object) =>
  fc.record({ verb: fc.constant(verb), ...by, ...fields }) as fc.Arbitrary<Step>
const step = fc.oneof(
  of('createRole', composition),
  { weight: 2, arbitrary: of('updateRole', { role, ...composition }) },
  of('removeRole', { role, successor: fc.option(role) }),
  { weight: 3, arbitrary: of('assign', { role, person }) },
  of('take', { role, person }),
  { weight: 2, arbitrary: of('add', { person, base }) },
  { weight: 2, arbitrary: of('update', { person, base }) },
  of('remove', { person }),
  of('leave', {}),
  of('transferOwnership', { person, keep: base }),
  { weight: 2, arbitrary: of('transfer', { person, mode: fc.constantFrom('move', 'copy'), base: fc.option(base) }) },
  {
    weight: 2,
    arbitrary: of('invite', {
      person: fc.constantFrom(7, 8, 8, 9, 9, 2),
      base,
      roles: fc.uniqueArray(role, { maxLength: 2 }),
    }),
  },
  { weight: 2, arbitrary: of('accept', { invitation: fc.nat(3) }) },
)

const numRuns = inject('soak') ? 100 : 8
const timeout = 120_000

test('no sequence of operations gives anybody what neither they nor the caller held, or leaves a tenant without owner', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 40 }), async (steps) => {
      const stage = await setStage(installation)
      let before = await readHoldings(stage)
      for (const one of steps) {
        const granter = granterOf(stage.state, one)
        const done = await play(stage, one)
        const after = await readHoldings(stage)
        expectNoEscalation(one, { granter, before, after })
        await expectOwners(stage)
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
      for (const guest of [8, 9]) {
        const invite: Step = { place: 0, caller: 2, verb: 'invite', person: guest, base: 'viewer', roles: [0, 4] }
        expect(await play(stage, invite)).toBe(true)
        take(stage.state, invite)
      }
      const known = stage.roleIds.length
      // In one tenant, whose log is the order in which they were done; what is made meanwhile nobody can name.
      const here = steps
        .filter(({ verb }) => verb !== 'transfer' && verb !== 'invite')
        .map((one) => ({ ...one, place: 0 as const, ...('role' in one && { role: one.role % known }) }) as Step)
      const played = await Promise.all(here.map((one) => playNamed(stage, one)))
      await expectInOrder(stage, played)
      await expectOwners(stage)
    }),
    { numRuns, endOnFailure: !inject('soak') },
  )
})

interface Holdings {
  granter: number
  before: ReadonlySet<string>[][]
  after: ReadonlySet<string>[][]
}

/** Whose word it is: of an invitation, that of who wrote it. */
const granterOf = ({ invitations }: State, one: Step) =>
  one.verb === 'accept' ? (invitations[one.invitation]?.inviter ?? one.caller) : one.caller

function expectNoEscalation(one: Step, { granter, before, after }: Holdings): void {
  const gained = after.map((people, at) =>
    people.flatMap((held, who) =>
      [...held].filter((scope) => !before[at]?.[who]?.has(scope) && !before[at]?.[granter]?.has(scope)),
    ),
  )
  expect({ one, gained }).toEqual({ one, gained: [[], []] })
}

async function expectOwners(stage: Stage): Promise<void> {
  const { members } = await readState(stage)
  for (const roles of members) expect([...roles.values()]).toContain('owner')
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
    expect(told[at]).toEqual(stage.people.map((_, who) => held(at, who)))
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
  const first = (all: State['roles']) => all.slice(0, 9)
  expect({ members, roles: first(roles) }).toEqual({ members: stage.state.members, roles: first(stage.state.roles) })
  expect(assigned.map(key).sort()).toEqual(stage.state.assigned.map(key).sort())
}
