import { type CapabilityName, sentence } from './capability-name.ts'

/** The tests of a new capability by file name, and what they make their rows with. */
export function capabilityTests(name: CapabilityName): Record<string, string> {
  return {
    'factory.ts': factory(name),
    'service.test.ts': serviceTest(name),
    'isolation.test.ts': isolationTest(name),
  }
}

const factory = ({ entity, words }: CapabilityName) => `\
import { randomBytes } from 'node:crypto'
import type { EntityManager } from '@mikro-orm/postgresql'
import { ${entity} } from './entity.ts'

/** Puts a ${words} into the tenant of the unit of work, without going through a door. */
export async function make${entity}(
  em: EntityManager,
  fields: Partial<Pick<${entity}, 'name' | 'createdAt'>> = {},
): Promise<${entity}> {
  const name = \`${sentence(words)} \${randomBytes(4).toString('hex')}\`
  const made = em.create(${entity}, { name, createdAt: new Date(0), ...fields })
  await em.persist(made).flush()
  return made
}
`

const serviceTest = ({ entity, value, values, column, words, manyWords }: CapabilityName) => `\
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { make${entity} } from './factory.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

test('a ${words} that was created is shown, and the audit log has it', async () => {
  const { tenant, user, caller } = await installation.enter()
  const created = await caller.${values}.create({ name: 'First' })

  expect(created).toMatchObject({ name: 'First' })
  expect(await caller.${values}.get({ ${value}Id: created.id })).toEqual(created)
  expect(await installation.auditEntries(tenant.id)).toMatchObject([
    {
      action: '${column}.created',
      outcome: 'success',
      actorId: user.id,
      targetId: created.id,
      changes: { name: { before: null, after: 'First' } },
    },
  ])
})

test('a name is taken within its tenant only, and a refused one leaves no audit entry', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  await here.caller.${values}.create({ name: 'Same' })
  await there.caller.${values}.create({ name: 'Same' })

  await expect(here.caller.${values}.create({ name: 'Same' })).rejects.toMatchObject({ code: '${column}.name_taken' })
  expect(await installation.auditEntries(here.tenant.id)).toHaveLength(1)
})

test('a list goes page by page through the ${manyWords} of its tenant, the oldest first', async () => {
  const { tenant, caller } = await installation.enter()
  const other = await installation.createTenant()
  for (const tenantId of [tenant.id, other.id]) {
    await installation.database.tenantUnit({ tenantId, actor: operator, readOnly: false }, async (em) => {
      for (const name of ['One', 'Two', 'Three']) await make${entity}(em, { name })
    })
  }
  const first = await caller.${values}.list({ limit: 2 })
  const second = await caller.${values}.list({ limit: 2, cursor: first.nextCursor ?? undefined })

  expect([first, second].map(({ items }) => items.map(({ name }) => name))).toEqual([['One', 'Two'], ['Three']])
  expect(second.nextCursor).toBeNull()
})

test('a ${words} that is not there, or in another tenant, is not found', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  const { id } = await there.caller.${values}.create({ name: 'Theirs' })

  for (const ${value}Id of [id, randomUUID()]) {
    await expect(here.caller.${values}.get({ ${value}Id })).rejects.toMatchObject({ code: '${column}.not_found' })
  }
})
`

const isolationTest = ({ value, values }: CapabilityName) => `\
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const inputs = { '${values}.create': { name: 'Any' }, '${values}.get': { ${value}Id: randomUUID() } }

for (const { promise, check } of isolationPromises(contract, inputs)) test(promise, () => check(installation))
`
