import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation, type TestUser } from '../../testing.ts'
import { type BaseRole, baseRoles, mayManage, missingFrom, roleScopes } from '../access/index.ts'
import { codeOf, everyMember, inTenant } from './service.fixture.ts'

let installation: TestInstallation
const people: TestUser[] = []
beforeAll(async () => {
  installation = await openTestInstallation()
  for (let count = 0; count < 5; count++) people.push(await installation.createUser())
})
afterAll(() => installation.close())

interface Step {
  verb: 'add' | 'update' | 'remove' | 'leave' | 'transferOwnership'
  caller: number
  about: number
  role: BaseRole
}
type Roles = Record<string, BaseRole | undefined>

const step = fc.record<Step>({
  verb: fc.constantFrom('add', 'update', 'remove', 'leave', 'transferOwnership'),
  caller: fc.nat(4),
  about: fc.nat(4),
  role: fc.constantFrom(...baseRoles),
})

const person = (place: number) => people[place] as TestUser

function take(tenantId: string, { verb, caller, about, role }: Step): Promise<string> {
  const { members } = installation.callerAs(person(caller), tenantId)
  const named = { ...inTenant, userId: person(about).id }
  switch (verb) {
    case 'leave':
      return codeOf(members.leave(inTenant))
    case 'remove':
      return codeOf(members.remove(named))
    case 'transferOwnership':
      return codeOf(members.transferOwnership({ ...named, keepRole: role }))
    default:
      return codeOf(members[verb]({ ...named, role }))
  }
}

async function rolesIn(tenantId: string): Promise<Roles> {
  const listed = await everyMember(installation.callerAs({ type: 'system', name: 'reader' }, tenantId))
  return Object.fromEntries(listed.map(({ userId, role }) => [userId, role]))
}

async function start(): Promise<string> {
  const { id } = await installation.createTenant()
  await installation.addMember(id, person(0).id, 'owner')
  await installation.addMember(id, person(1).id, 'admin')
  await installation.addMember(id, person(2).id, 'member')
  return id
}

const ownersIn = (roles: Roles) => Object.values(roles).filter((role) => role === 'owner').length

/** What the caller could grant and change before is all that is different afterwards. */
function expectNoEscalation({ caller, verb }: Step, before: Roles, after: Roles): void {
  const callerId = person(caller).id
  const own = before[callerId]
  const held = own ? roleScopes[own] : new Set<string>()
  for (const { id } of people) {
    const [was, is] = [before[id], after[id]]
    if (was === is) continue
    if (is) expect(missingFrom(held, roleScopes[is])).toBeUndefined()
    if (was && id !== callerId) expect(mayManage(held, roleScopes[was])).toBe(true)
    if (id !== callerId || verb !== 'leave') expect(held.has('members:manage')).toBe(true)
  }
}

test('no sequence of operations leaves a tenant without an owner, or gives anybody what the caller did not hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 10 }), async (steps) => {
      const tenantId = await start()
      let before = await rolesIn(tenantId)
      for (const one of steps) {
        const code = await take(tenantId, one)
        const after = await rolesIn(tenantId)
        if (code !== 'ok') expect(after).toEqual(before)
        expectNoEscalation(one, before, after)
        expect(ownersIn(after)).toBeGreaterThan(0)
        before = after
      }
    }),
    { numRuns: 8 },
  )
}, 60_000)

test('nor do operations at the same time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 12 }), async (steps) => {
      const tenantId = await start()
      const answers = await Promise.all(steps.map((one) => take(tenantId, one)))
      expect(answers).not.toContain('internal')
      expect(ownersIn(await rolesIn(tenantId))).toBeGreaterThan(0)
      await expectOneByOne(tenantId)
    }),
    { numRuns: 8 },
  )
}, 60_000)

/** The log is in the order in which the changes were made: each was open to its caller by what was so until then. */
async function expectOneByOne(tenantId: string): Promise<void> {
  const entries = (await installation.auditEntries(tenantId)).filter(({ outcome }) => outcome === 'success')
  const requests = Map.groupBy(
    entries.filter(({ action }) => action.startsWith('member.')),
    (entry) => entry.requestId,
  )
  const pending = [...requests.values()]
  let roles: Roles = { [person(0).id]: 'owner', [person(1).id]: 'admin', [person(2).id]: 'member' }
  for (const changes of pending) {
    const before = roles
    roles = { ...roles }
    for (const { targetId, changes: fields } of changes) {
      const { before: was, after: is } = (fields as { role: { before: BaseRole | null; after: BaseRole | null } }).role
      expect(roles[targetId as string] ?? null).toBe(was)
      roles[targetId as string] = is ?? undefined
    }
    const caller = people.findIndex(({ id }) => id === changes[0]?.actorId)
    const verb = changes[0]?.action === 'member.left' ? 'leave' : 'update'
    expectNoEscalation({ caller, verb, about: 0, role: 'viewer' }, before, roles)
  }
}
