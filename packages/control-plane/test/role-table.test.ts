import { readFileSync } from 'node:fs'
import type { AnyOperation } from '@tenantry/kernel/contract/operation'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import type { OperationMeta } from '@tenantry/kernel/trpc/init'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InternalCaller } from '../src/caller.ts'
import { type BaseRole, baseRoles, ownership, tenantScopes } from '../src/capabilities/access/index.ts'
import { putRole } from '../src/capabilities/role/service.fixture.ts'
import { appRouter } from '../src/router.ts'
import { openTestInstallation, type TestInstallation, type TestUser } from '../src/testing.ts'

const rows = readFileSync(new URL('./role-table.txt', import.meta.url), 'utf8')
  .split('\n')
  .map((line) => line.split(/\s+/))
  .filter(([name = '']) => /^[a-zA-Z]+\.[a-zA-Z]+$/.test(name))
const table = new Map(rows.map(([name = '', ...answers]) => [name, answers]))

// The types nest what stands flat there at run time, by path.
const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { meta: OperationMeta } }>
const operations = Object.entries(procedures).map(([name, { _def }]) => ({ name, operation: _def.meta.operation }))

let installation: TestInstallation
let tenantId: string
let people: Record<BaseRole, TestUser>
beforeAll(async () => {
  installation = await openTestInstallation()
  tenantId = (await installation.createTenant({ plan: 'enterprise' })).id
  // Each call is one of four of a minute's budget.
  const settings = { rateLimits: { requestsPerMinute: 10_000 } }
  await installation.callerAs({ type: 'system', name: 'table' }, tenantId).tenants.updateSettings({ settings })
  const made = await Promise.all(baseRoles.map((role) => installation.createMember(tenantId, role)))
  people = Object.fromEntries(baseRoles.map((role, place) => [role, made[place]])) as typeof people
})
afterAll(() => installation.close())

test('every operation has its line in the table, each but once, and no line is left of one that is gone', () => {
  expect(rows.map(([name]) => name).toSorted()).toEqual(operations.map(({ name }) => name).toSorted())
})

test.each(operations)('$name answers every base role as the table says', async ({ name, operation }) => {
  const answers = await Promise.all(
    baseRoles.map((role) => ask(callerOf(people[role]), { name, operation, tenant: tenantId })),
  )
  expect(Object.fromEntries(baseRoles.map((role, place) => [role, answers[place]]))).toEqual(
    Object.fromEntries(baseRoles.map((role, place) => [role, table.get(name)?.[place]])),
  )
})

describe('by a custom role alone', () => {
  // Held above, where the role reaches from: below its holder is nothing else.
  let below: string
  const holders = new Map<string, TestUser>()
  const scopes = new Set(operations.map(({ operation }) => neededBy(operation)).filter((needed) => needed !== null))
  const grantable = tenantScopes.filter((scope) => scope !== ownership)

  beforeAll(async () => {
    const above = await installation.createTenant({ plan: 'enterprise' })
    below = (await installation.createTenant({ plan: 'enterprise', parent: above })).id
    const hold = async (name: string, held: string[]) => {
      const { id: userId } = holders
        .set(name, await installation.createMember(above.id, 'viewer'))
        .get(name) as TestUser
      await putRole(installation, { tenantId: above.id, userId, name, scopes: held, inheritable: true })
    }
    for (const scope of scopes) {
      await hold(
        `without ${scope}`,
        grantable.filter((other) => other !== scope),
      )
      if (scope !== ownership) await hold(`only ${scope}`, [scope])
    }
  })

  test.each(operations)('$name is open to who holds its scope, and to nobody else', async ({ name, operation }) => {
    const needed = neededBy(operation)
    const asked = async (holder: string) => {
      const user = holders.get(`${holder} ${needed ?? 'tenant:read'}`)
      return user && ask(installation.callerAs(user, below), { name, operation, tenant: below })
    }
    const toEverybody = needed === null && operation.unitOfWork !== 'platform' && operation.permission !== 'platform'
    expect(await asked('without')).toBe(toEverybody ? 'yes' : 'no')
    if (needed !== ownership) expect(await asked('only')).toBe(toEverybody || needed !== null ? 'yes' : 'no')
  })
})

/** The scope; null where everybody may do it, or operators only. */
const neededBy = ({ permission }: AnyOperation) =>
  permission === 'any' || permission === 'platform' ? null : permission

/** Whoever is let in is refused for the input, which is no operation's own: nothing is done. */
async function ask(
  caller: InternalCaller,
  { name, operation: { input }, tenant }: { name: string; operation: AnyOperation; tenant: string },
): Promise<string> {
  const named = 'tenantId' in input.shape ? { tenantId: tenant } : {}
  const found = name.split('.').reduce<unknown>((node, part) => Reflect.get(node as object, part), caller)
  const call = found as (input: object) => Promise<unknown>
  const { code, message } = await call({ ...named, noSuchField: true }).then(
    () => expect.fail(`${name} answered`),
    (error: unknown) => toAppError(error),
  )
  const told: Record<string, string> = { 'request.invalid': 'yes', 'auth.permission_denied': 'no' }
  return told[code] ?? `${code}: ${message}`
}

const callerOf = (user: TestUser) => installation.callerAs(user, tenantId)
