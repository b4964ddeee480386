import { schemaDrift } from '@tenantry/kernel/tenancy/migrate'
import { provisionDatabase } from '@tenantry/kernel/tenancy/provision'
import pg from 'pg'
import { expect, test } from 'vitest'
import { migrations } from '../migrations/index.ts'
import { entities } from '../src/entities.ts'
import { migrate } from '../src/migrate.ts'
import { openTestInstallation } from '../src/testing.ts'

test('a migrated database is what the entities declare, policies included, and migrating it again does nothing', async () => {
  await using installation = await openTestInstallation()
  const { urls, signingKey } = installation.testDatabase
  expect(await schemaDrift({ ownerUrl: urls.tenantry_owner, entities, migrations })).toEqual([])
  const again = { ownerUrl: urls.tenantry_owner, jobsUrl: urls.tenantry_jobs, signingKeys: [signingKey] }
  expect(await migrate(again)).toEqual([])
})

test('the drift of a policy that was loosened by hand is seen', async () => {
  await using installation = await openTestInstallation()
  const { urls, adminUrl } = installation.testDatabase
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  await admin.query('alter policy tenant_isolation on tenantry.usage_counters using (true)')
  await admin.query('alter table tenantry.memberships no force row level security')
  await admin.end()
  const drift = await schemaDrift({ ownerUrl: urls.tenantry_owner, entities, migrations })
  expect(drift.join('\n')).toMatch(/policy.+usage_counters/)
  expect(drift.join('\n')).toMatch(/memberships" force row level security/)
})

test('provisioning may be repeated', async () => {
  await using installation = await openTestInstallation()
  await provisionDatabase(installation.testDatabase.adminUrl)
  const { slug } = await installation.createTenant()
  const info = await installation.callerAs({ type: 'service', name: 'test' }, slug).tenants.info()
  expect(info).toMatchObject({ slug })
})
