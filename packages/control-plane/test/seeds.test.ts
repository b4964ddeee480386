import { expect, test } from 'vitest'
import { UsageCounter, UsageEvent } from '../src/capabilities/metering/entity.ts'
import { findTenantBySlug } from '../src/capabilities/tenant/index.ts'
import { seedDemo } from '../src/seeds.ts'
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
