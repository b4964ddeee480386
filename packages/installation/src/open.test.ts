import { randomBytes } from 'node:crypto'
import { createInternalCaller } from '@tenantry/control-plane/caller'
import { openTestInstallation } from '@tenantry/control-plane/testing'
import { createTokenVerifier } from '@tenantry/kernel/authentication/token-verifier'
import { systemClock } from '@tenantry/kernel/context/clock'
import { expect, test } from 'vitest'
import { readInstallationConfig } from './environment.ts'
import { openParts } from './open.ts'

test('a process that ends writes down first whom it has refused', async () => {
  await using installation = await openTestInstallation()
  const { tenant } = await installation.enter()
  const stranger = await installation.createUser()
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
  const parts = await openParts(config, { prepare: false, join: true, authenticator })
  const actor = { type: 'user', ...stranger, name: null } as const
  const refused = createInternalCaller(parts.dependencies, { actor, tenantId: tenant.id }).tenants.info()
  await expect(refused).rejects.toMatchObject({ code: 'tenant.not_found' })
  await parts.close()
  expect(await installation.auditEntries(tenant.id)).toMatchObject([{ action: 'access.denied', actorId: stranger.id }])
})
