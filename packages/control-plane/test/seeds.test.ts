import { expect, test } from 'vitest'
import { UsageCounter, UsageEvent } from '../src/capabilities/metering/entity.ts'
import { findTenantBySlug } from '../src/capabilities/tenant/index.ts'
import { demoPeople, seedDemo } from '../src/seeds.ts'
import { openTestInstallation, operator, type TestInstallation } from '../src/testing.ts'

function acme({ database }: TestInstallation) {
  return database.platformUnit({ actor: operator, readOnly: true }, async (em) => {
    const tenant = await findTenantBySlug(em, 'acme')
    const tenantId = tenant?.id ?? ''
    return {
      tenant,
      events: await em.count(UsageEvent, { tenantId }),
      tokens: await em.find(UsageCounter, { tenantId, meter: 'tokens' }, { orderBy: { period: 'asc' } }),
    }
  })
}

test('a first start that was cut short in the middle of the demo is completed by the next', async () => {
  await using installation = await openTestInstallation()
  const { dependencies } = installation
  const { database } = dependencies
  // The seeding of usage is the first that works in a tenant in the name of the system.
  const cut: typeof database.tenantUnit = (unit, work) =>
    unit.actor.type === 'system' ? Promise.reject(new Error('cut short')) : database.tenantUnit(unit, work)
  await expect(seedDemo({ ...dependencies, database: { ...database, tenantUnit: cut } })).rejects.toThrow('cut short')
  expect(await acme(installation)).toMatchObject({ tenant: { name: 'Acme' }, events: 0 })

  await seedDemo(dependencies)

  const seeded = await acme(installation)
  expect(seeded.events).toBeGreaterThan(500)
  expect(seeded.tokens.length).toBeGreaterThanOrEqual(3)

  await seedDemo(dependencies)
  expect(await acme(installation)).toEqual(seeded)
})

test('whoever left or was erased does not come back with the next start, and the demo says who they are now', async () => {
  await using installation = await openTestInstallation()
  const { dependencies } = installation
  await seedDemo(dependencies)
  const says = async () => Object.fromEntries((await demoPeople(dependencies)).map(({ email, says }) => [email, says]))
  expect(await says()).toMatchObject({
    'owner@acme.test': 'owner of acme',
    'owner@initech.test': 'owner of initech (suspended)',
    'operator@tenantry.test': 'platform admin',
  })
  const operators = installation.callerAs(operator, 'acme')
  const { items } = await operators.members.list({ tenantId: 'current' })
  const idOf = (email: string) => items.find((member) => member.email === email)?.userId ?? ''
  await operators.users.erase({ userId: idOf('viewer@acme.test') })
  await operators.members.remove({ tenantId: 'current', userId: idOf('member@acme.test') })
  await operators.users.deactivate({ userId: idOf('admin@acme.test'), reason: 'Test' })
  await installation.callerAs(operator).tenants.reactivate({ tenantId: 'initech', reason: 'Test' })

  await seedDemo(dependencies)
  const after = await operators.members.list({ tenantId: 'current' })
  expect(after.items.map(({ email }) => email).toSorted()).toEqual(['admin@acme.test', 'owner@acme.test'])
  expect(await says()).toMatchObject({
    'viewer@acme.test': 'of no tenant',
    'member@acme.test': 'of no tenant',
    'admin@acme.test': 'deactivated',
    'owner@initech.test': 'owner of initech',
  })
})
