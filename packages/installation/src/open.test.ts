import { randomBytes } from 'node:crypto'
import { createInternalCaller } from '@tenantry/control-plane/caller'
import { openTestInstallation, type TestInstallation } from '@tenantry/control-plane/testing'
import { createTokenVerifier } from '@tenantry/kernel/authentication/token-verifier'
import { systemClock } from '@tenantry/kernel/context/clock'
import { createLogger } from '@tenantry/kernel/observability/logger'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { readInstallationConfig } from './environment.ts'
import { openParts } from './open.ts'

async function openProcess(installation: TestInstallation, logger = createLogger({ level: 'silent' })) {
  const { urls, signingKey } = installation.testDatabase
  const config = readInstallationConfig({
    DATABASE_URL: urls.tenantry_app,
    PLATFORM_DATABASE_URL: urls.tenantry_platform,
    JOBS_DATABASE_URL: urls.tenantry_jobs,
    MIGRATION_DATABASE_URL: urls.tenantry_owner,
    CONTEXT_SIGNING_KEYS: `${signingKey.kid}:${signingKey.secret.toString('base64')}`,
    ENCRYPTION_KEYS: `e1:${randomBytes(32).toString('base64')}`,
    LOG_LEVEL: 'silent',
  })
  const authenticator = () => createTokenVerifier({ issuers: [], clock: systemClock })
  return openParts(config, { prepare: false, join: true, authenticator, logger })
}

test('a process that ends writes down first whom it has refused', async () => {
  await using installation = await openTestInstallation()
  const { tenant } = await installation.enter()
  const stranger = await installation.createUser()
  const parts = await openProcess(installation)
  const actor = { type: 'user', ...stranger, name: null } as const
  const refused = createInternalCaller(parts.dependencies, { actor, tenantId: tenant.id }).tenants.info()
  await expect(refused).rejects.toMatchObject({ code: 'tenant.not_found' })
  await parts.close()
  expect(await installation.auditEntries(tenant.id)).toMatchObject([{ action: 'access.denied', actorId: stranger.id }])
})

test('a process that ends while nothing can be counted tells the log all that it loses, and ends', async () => {
  await using installation = await openTestInstallation()
  const { tenant, user } = await installation.enter()
  const logger = createLogger({ level: 'silent' })
  const told = vi.spyOn(logger, 'error')
  const { close, dependencies } = await openProcess(installation, logger)
  const { apiCalls, metering } = dependencies.services
  const actor = { type: 'user', ...user, name: null } as const
  const caller = createInternalCaller(dependencies, { actor, tenantId: tenant.id })
  const track = (metric: string) => caller.usage.track({ tenantId: 'current', metric })
  await track('api_calls')
  const admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
  await admin.query('begin')
  await admin.query('select from tenantry.usage_accounts where tenant_id = $1 for update', [tenant.id])
  expect(await track('api_calls')).toMatchObject({ outcome: 'deferred' })
  expect(metering.deferred).toBe(1)
  const found = await dependencies.directory.findAccess({ type: 'service', name: 'door' }, tenant.id)
  apiCalls.count(found?.tenant ?? expect.fail('no tenant'))
  await close()
  await admin.end()
  expect(told.mock.calls.map(([given]) => given)).toEqual(expect.arrayContaining([{ count: 1 }, { lost: 1 }]))
}, 30_000)

test('no timer keeps a process from ending that has closed all it had', async () => {
  await using installation = await openTestInstallation()
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const { close } = await openProcess(installation)
  await close()
  expect(timers()).toBeLessThanOrEqual(before)
})
