import { createMemoryBus } from '@tenantry/kernel/bus/memory-bus'
import { createTenantCache } from '@tenantry/kernel/cache/tenant-cache'
import { openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createInternalCaller } from '../../caller.ts'
import { createDependencies } from '../../dependencies.ts'
import { entities } from '../../entities.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
  await installation.enter()
})
afterAll(() => installation.close())

/** Another process, whose pools have one connection each. */
async function openNarrow(appUrl = installation.testDatabase.urls.tenantry_app) {
  const { testDatabase, dependencies: parts } = installation
  const { apiKeys, catalogue } = parts.services
  const database = await openDatabase({
    appUrl,
    platformUrl: testDatabase.urls.tenantry_platform,
    entities,
    signingKey: testDatabase.signingKey,
    poolSize: 1,
    statementTimeoutMilliseconds: 15_000,
  })
  const dependencies = createDependencies({
    ...parts,
    database,
    catalogue,
    apiKeyTexts: apiKeys.texts,
    bus: createMemoryBus(parts.logger),
    cache: createTenantCache({ maxItems: 100 }),
  })
  return { database, dependencies, caller: createInternalCaller(dependencies, { actor: operator }) }
}

test('one connection is enough for a report, and callers at the same time share one', async () => {
  const { database, dependencies, caller } = await openNarrow()
  const reports = await Promise.all(Array.from({ length: 5 }, () => caller.platform.isolation()))
  // That one connection is few is a warning; nothing waited for it in vain.
  expect(reports.flatMap(({ checks }) => checks).filter(({ outcome }) => outcome === 'fail')).toEqual([])
  expect(new Set(reports.map(({ attestation }) => attestation.statement)).size).toBe(1)
  const system = { type: 'system', name: 'test' } as const
  const running = dependencies.services.isolation.examine(system)
  expect(dependencies.services.isolation.examine(system)).toBe(running)
  await running
  await database.close()
})

test('a database that cannot be asked is no finding: the caller may try again', async () => {
  const nobodyThere = new URL(installation.testDatabase.urls.tenantry_app)
  nobodyThere.port = '1'
  const { database, caller } = await openNarrow(nobodyThere.href)
  await expect(caller.platform.isolation()).rejects.toMatchObject({ code: 'service.overloaded' })
  await database.close()
})
