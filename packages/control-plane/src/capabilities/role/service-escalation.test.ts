import { AppError } from '@tenantry/kernel/errors/app-error'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation, type TestUser } from '../../testing.ts'
import { effectivePermissions } from '../access/index.ts'
import { findMemberAccess } from '../access/repository.ts'
import { planNamed } from '../plan/index.ts'
import { assign, create } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const refused = { code: 'auth.permission_denied' }

describe('nobody', () => {
  /** Somebody who may make roles and give them out, and little else. */
  async function steward(scopes: string[] = [], more: { inheritable?: boolean } = {}) {
    const { tenant, caller: owner } = await installation.enter()
    const user = await installation.createMember(tenant.id, 'viewer')
    const role = await create(owner, ['roles:manage', ...scopes], more)
    await assign(owner, user.id, role.id)
    const viewer = await installation.createMember(tenant.id, 'viewer')
    return { tenant, owner, user, viewer, role, caller: installation.callerAs(user, tenant.id) }
  }

  test('makes a role of what they do not hold, by its scopes or by its base role', async () => {
    const { caller } = await steward(['usage:adjust'])
    await expect(create(caller, ['usage:adjust', 'audit:read'])).rejects.toMatchObject({
      ...refused,
      details: { missingScope: 'audit:read' },
    })
    await expect(create(caller, [], { baseRole: 'member' })).rejects.toMatchObject(refused)
    await expect(create(caller, ['usage:adjust'], { baseRole: 'viewer' })).resolves.toMatchObject({ version: 1 })
  })

  test('makes one so by changing it', async () => {
    const { caller } = await steward()
    const { id: roleId } = await create(caller, ['tenant:read'])
    for (const change of [{ scopes: ['audit:read'] }, { baseRole: 'admin' as const }]) {
      await expect(caller.roles.update({ ...current, roleId, ...change })).rejects.toMatchObject(refused)
    }
  })

  test('gives out what they do not hold, nor puts it in the place of another', async () => {
    const { owner, caller, viewer } = await steward()
    const strong = await create(owner, ['finance:manage'])
    await expect(assign(caller, viewer.id, strong.id)).rejects.toMatchObject(refused)
    const weak = await create(caller, ['tenant:read'])
    await assign(caller, viewer.id, weak.id)
    const replaced = caller.roles.remove({ ...current, roleId: weak.id, reassignTo: strong.id })
    await expect(replaced).rejects.toMatchObject(refused)
  })

  test('changes a role that is as strong as they are, unless they are an owner', async () => {
    const { owner, caller, role } = await steward()
    const change = { ...current, roleId: role.id, name: 'Changed' }
    await expect(caller.roles.update(change)).rejects.toMatchObject(refused)
    await expect(caller.roles.remove({ ...current, roleId: role.id, reassignTo: 'none' })).rejects.toMatchObject(
      refused,
    )
    await expect(owner.roles.update(change)).resolves.toMatchObject({ name: 'Changed' })
  })

  test('changes what somebody holds who holds as much as they do', async () => {
    const { tenant, caller, user } = await steward()
    const role = await create(caller, ['tenant:read'])
    const admin = await installation.createMember(tenant.id, 'admin')
    for (const { id } of [admin, user]) await expect(assign(caller, id, role.id)).rejects.toMatchObject(refused)
    const asAdmin = installation.callerAs(admin, tenant.id)
    await assign(asAdmin, user.id, role.id)
    // The role itself is weak, and yet whoever holds it is not.
    await expect(caller.roles.update({ ...current, roleId: role.id, scopes: [] })).rejects.toMatchObject(refused)
    const taken = caller.userRoles.remove({ ...current, userId: user.id, roleId: role.id })
    await expect(taken).rejects.toMatchObject(refused)
  })

  test('grants below what they hold above only', async () => {
    const { caller, viewer } = await steward(['audit:read'])
    const below = create(caller, ['audit:read'], { inheritable: true })
    await expect(below).rejects.toMatchObject({ ...refused, details: { missingScope: 'audit:read' } })
    const { id: roleId } = await create(caller, ['audit:read'])
    await assign(caller, viewer.id, roleId)
    await expect(caller.roles.update({ ...current, roleId, inheritable: true })).rejects.toMatchObject(refused)

    const wide = await steward(['audit:read'], { inheritable: true })
    await expect(create(wide.caller, ['audit:read'], { inheritable: true })).resolves.toMatchObject({
      inheritable: true,
    })
  })

  test('waits for a plan to grant what they do not hold', async () => {
    const { tenant, caller: owner } = await installation.enter({ plan: 'starter' })
    const user = await installation.createMember(tenant.id, 'viewer')
    await assign(owner, user.id, (await create(owner, ['roles:manage'])).id)
    // The plan's features decide what counts, and not what may be granted.
    await installation.callerAs(operator, tenant.id).tenants.update({ ...current, plan: 'free' })
    await expect(create(installation.callerAs(user, tenant.id), ['analytics:read'])).rejects.toMatchObject({
      ...refused,
      details: { missingScope: 'analytics:read' },
    })
  })
})

// Few scopes of many, so that random sets are often within one another.
const grantable = ['roles:manage', 'roles:read', 'usage:adjust', 'audit:read', 'tenant:own'] as const
const scopes = fc.subarray([...grantable])
const baseRole = fc.constantFrom(null, 'viewer' as const, 'member' as const, 'admin' as const)
const place = fc.nat({ max: 5 })
const step = fc.oneof(
  fc.record({ verb: fc.constant('create'), caller: place, scopes, baseRole, inheritable: fc.boolean() }),
  fc.record({ verb: fc.constant('update'), caller: place, role: place, scopes, baseRole, inheritable: fc.boolean() }),
  fc.record({ verb: fc.constant('remove'), caller: place, role: place, successor: fc.option(place) }),
  fc.record({ verb: fc.constant('add'), caller: place, role: place, user: place }),
  fc.record({ verb: fc.constant('take'), caller: place, role: place, user: place }),
)
type Step = {
  verb: string
  caller: number
  role?: number
  user?: number
  successor?: number | null
  scopes?: string[]
  baseRole?: 'viewer' | 'member' | 'admin' | null
  inheritable?: boolean
}

interface Stage {
  users: TestUser[]
  places: [above: string, below: string]
  /** Ids of roles, deleted ones among them. */
  roles: string[]
}

describe('no sequence of changes to roles', () => {
  const numRuns = inject('soak') ? 100 : 8

  test('lets anybody gain what whoever acted does not hold, here or below', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 15 }), async (steps) => {
        const stage = await setStage()
        let before = await everybody(stage)
        for (const one of steps) {
          const done = await play(stage, one)
          const after = await everybody(stage)
          const acted = one.caller % stage.users.length
          for (const [at, held] of after.entries()) {
            const allowed = stage.places.map((_, where) =>
              done ? union(before[at]?.[where], before[acted]?.[where]) : (before[at]?.[where] ?? new Set<string>()),
            )
            expect(held.flatMap((scopes, where) => beyond(scopes, allowed[where]))).toEqual([])
          }
          before = after
        }
      }),
      { numRuns, endOnFailure: !inject('soak') },
    )
  })

  test('nor one of changes made at the same time, by whom no owner is', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 25 }), async (steps) => {
        const stage = await setStage()
        const before = await everybody(stage)
        // The first is the owner.
        const others = steps.map((one) => ({ ...one, caller: 1 + (one.caller % (stage.users.length - 1)) }))
        await Promise.all(others.map((one) => play(stage, one)))
        const acting = stage.places.map((_, where) => union(...before.slice(1).map((held) => held[where])))
        for (const [at, held] of (await everybody(stage)).entries()) {
          const gained = held.map((scopes, where) => beyond(scopes, union(before[at]?.[where], acting[where])))
          expect(gained.flat()).toEqual([])
        }
      }),
      { numRuns, endOnFailure: !inject('soak') },
    )
  })
})

/** An owner, one of each other base role, and two who hold custom roles, one of which reaches the tenant below. */
async function setStage(): Promise<Stage> {
  const { tenant, user: owner, caller } = await installation.enter({ plan: 'enterprise' })
  const below = await installation.createTenant({ parent: tenant, plan: 'enterprise' })
  const members = await Promise.all(
    (['admin', 'member', 'viewer', 'viewer', 'viewer'] as const).map((role) =>
      installation.createMember(tenant.id, role),
    ),
  )
  const roles = [
    await create(caller, ['roles:manage', 'usage:adjust']),
    await create(caller, ['roles:manage', 'audit:read'], { inheritable: true }),
  ]
  for (const [at, { id }] of roles.entries()) await assign(caller, members[3 + at]?.id ?? '', id)
  return { users: [owner, ...members], places: [tenant.id, below.id], roles: roles.map(({ id }) => id) }
}

/** Whether it was done. What is refused for a declared reason was not. */
async function play(stage: Stage, { verb, ...given }: Step): Promise<boolean> {
  const { users, places, roles } = stage
  const user = users[given.caller % users.length] as TestUser
  const caller = installation.callerAs(user, places[0])
  const roleId = roles[(given.role ?? 0) % roles.length] as string
  const userId = users[(given.user ?? 0) % users.length]?.id as string
  const { scopes = [], baseRole = null, inheritable = false } = given
  const acts: Record<string, () => Promise<unknown>> = {
    create: async () => {
      const made = await create(caller, scopes, { baseRole, inheritable })
      roles.push(made.id)
    },
    update: () => caller.roles.update({ ...current, roleId, scopes, baseRole, inheritable }),
    remove: () => {
      const successor = given.successor == null ? 'none' : roles[given.successor % roles.length]
      return caller.roles.remove({ ...current, roleId, reassignTo: successor as string })
    },
    add: () => caller.userRoles.add({ ...current, userId, roleId }),
    take: () => caller.userRoles.remove({ ...current, userId, roleId }),
  }
  return (acts[verb] as () => Promise<unknown>)().then(
    () => true,
    (error: unknown) => {
      if (error instanceof AppError && error.kind !== 'internal') return false
      throw error
    },
  )
}

/** By user and place what counts there, by what the database says now. */
async function everybody({ users, places }: Stage): Promise<ReadonlySet<string>[][]> {
  const { catalogue, scopes } = installation.dependencies.services
  const { features } = planNamed(catalogue, 'enterprise')
  const held: ReadonlySet<string>[][] = []
  for (const { id } of users) {
    const rows = await installation.database.userUnit({ userId: id, readOnly: true }, async (em) => [
      await findMemberAccess(em, places[0]),
      await findMemberAccess(em, places[1]),
    ])
    held.push(rows.map((row) => (row ? effectivePermissions(row, scopes, features).scopes : new Set<string>())))
  }
  return held
}

const union = (...sets: (ReadonlySet<string> | undefined)[]) => new Set(sets.flatMap((set) => [...(set ?? [])]))
const beyond = (scopes: ReadonlySet<string>, allowed: ReadonlySet<string> = new Set()) =>
  [...scopes].filter((scope) => !allowed.has(scope))
