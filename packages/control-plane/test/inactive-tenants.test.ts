import { type Actor, actorKey } from '@tenantry/kernel/context/actor'
import type { AnyOperation } from '@tenantry/kernel/contract/operation'
import type { OperationMeta } from '@tenantry/kernel/trpc/init'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { everyTenantScope } from '../src/capabilities/access/index.ts'
import { appRouter } from '../src/router.ts'
import { openTestInstallation, operator, type TestInstallation } from '../src/testing.ts'

/** What answers for a tenant that is not active, spelled out: an operation that is to be added has to be added here too. */
const answersEverybody = [
  'access.check',
  'access.explain',
  'subscription.get',
  'subscription.preview',
  'tenants.get',
  'tenants.info',
]
const answersOperators = [
  'subscription.change',
  'subscription.downgrade',
  'subscription.upgrade',
  'tenants.move',
  'tenants.reactivate',
  'tenants.remove',
  'tenants.restore',
  'tenants.suspend',
  'tenants.update',
]
/** What is about no tenant, or about all. */
const outsideTenants = [
  'blocks.lift',
  'blocks.list',
  'catalogue.reload',
  'deletionReports.get',
  'deletionReports.list',
  'invitations.accept',
  'invitations.preview',
  'limits.allRequests',
  'me.get',
  'plans.list',
  'platform.isolation',
  'tenants.create',
  'tenants.list',
  'usage.migrate',
  'users.deactivate',
  'users.erase',
  'users.export',
  'users.get',
  'users.list',
  'users.reactivate',
]

const procedures = Object.entries(
  appRouter._def.procedures as unknown as Record<string, { _def: { meta: OperationMeta } }>,
).map(([path, { _def }]) => ({ path, operation: _def.meta.operation }))

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

/** Every principal there is, with all that it can hold in the tenant. */
async function principals(tenantId: string) {
  const owner = await installation.createMember(tenantId, 'owner')
  const key: Actor = { type: 'apiKey', id: tenantId, tenantId, scopes: [...everyTenantScope] }
  return {
    owner: { type: 'user', ...owner, name: null },
    apiKey: key,
    service: { type: 'service', name: 'walk' },
    platformAdmin: operator,
    system: { type: 'system', name: 'walk' },
  } satisfies Record<string, Exclude<Actor, { type: 'anonymous' }>>
}

/** The input is no operation's own, so that what gets as far as that changes nothing. */
async function answerOf(
  path: string,
  operation: AnyOperation,
  actor: Exclude<Actor, { type: 'anonymous' }>,
  id: string,
) {
  const named = 'tenantId' in operation.input.shape ? { tenantId: id } : {}
  const [noun = '', verb = ''] = path.split('.')
  const nouns = installation.callerAs(actor, id) as unknown as Record<
    string,
    Record<string, (input: object) => unknown>
  >
  try {
    return { code: 'answered', answer: await nouns[noun]?.[verb]?.({ ...named, noSuchField: true }) }
  } catch (error) {
    return error as { code: string; details: object }
  }
}

const states = ['suspended', 'deleting', 'provisioning'] as const

describe.each([...states, 'below'] as const)('while a tenant is %s', (state) => {
  let tenantId: string
  let actors: Awaited<ReturnType<typeof principals>>
  let details: object
  beforeAll(async () => {
    const parent = await installation.createTenant({ status: state === 'below' ? 'suspended' : 'active' })
    const made = await installation.createTenant({ parent, ...(state === 'below' ? {} : { status: state }) })
    tenantId = made.id
    actors = await principals(tenantId)
    details = state === 'below' ? { state: 'suspended', ancestorId: parent.id } : { state }
  })

  test.each(['owner', 'apiKey', 'service', 'platformAdmin', 'system'] as const)(
    '%s gets nowhere else',
    async (name) => {
      const through: string[] = []
      for (const { path, operation } of procedures.filter(({ path }) => !outsideTenants.includes(path))) {
        const answer = await answerOf(path, operation, actors[name], tenantId)
        if (answer.code === 'tenant.inactive') expect(answer, path).toMatchObject({ details })
        else {
          expect(answer, path).toMatchObject({ code: 'request.invalid' })
          through.push(path)
        }
      }
      const isOperator = name === 'platformAdmin' || name === 'system'
      expect(through.sort()).toEqual([...answersEverybody, ...(isOperator ? answersOperators : [])].sort())
    },
  )
})

test('of a purged tenant nobody finds anything', async () => {
  const { id } = await installation.createTenant({ status: 'deleting' })
  const actors = await principals(id)
  await installation.database.tenantUnit({ tenantId: id, actor: operator, readOnly: false }, (em) =>
    em.execute(`update tenantry.tenants set status = 'purged' where id = ?`, [id]),
  )
  const { rateLimits } = installation.dependencies
  for (const actor of Object.values(actors))
    for (const { path, operation } of procedures.filter(({ path }) => !outsideTenants.includes(path))) {
      expect(await answerOf(path, operation, actor, id), path).toMatchObject({ code: 'tenant.not_found' })
      // Whoever asks for so many that are not there would soon be told no more than to slow down.
      await rateLimits.refund('selection', actorKey(actor), String(Date.now() + 60_000))
    }
})

test('what is said to be outside tenants is, and all else is inside one', () => {
  const outside = procedures.filter(({ operation }) => operation.unitOfWork !== 'tenant')
  expect(outside.map(({ path }) => path).sort()).toEqual(outsideTenants)
})
