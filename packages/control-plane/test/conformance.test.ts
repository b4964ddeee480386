import * as pipelineErrors from '@tenantry/kernel/contract/errors'
import { IdempotencyRecord } from '@tenantry/kernel/tenancy/idempotency-record'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { tenantScopes } from '../src/capabilities/access/index.ts'
import { platformTables, systemTables, tenantTables } from '../src/entities.ts'
import { errorCatalogue, errorGroups } from '../src/error-catalogue.ts'
import { inspectInstallation } from '../src/inspection.ts'
import { appRouter } from '../src/router.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { entityFindings, isEntity } from './conformance-entities.fixture.ts'
import { operationFindings } from './conformance-operations.fixture.ts'
import {
  capabilitiesFolder,
  capabilityPaths,
  catalogueFindings,
  exportsOf,
  fileNameFindings,
  isErrorGroup,
  readSources,
  type Sources,
  throwFindings,
  undeclaredThrowFindings,
} from './conformance-sources.fixture.ts'

let installation: TestInstallation
let sources: Sources

beforeAll(async () => {
  installation = await openTestInstallation()
  sources = await readSources()
})
afterAll(() => installation.close())

/** What the files of one name export, over all capabilities. */
async function gather(file: string): Promise<[string, unknown][]> {
  const paths = [...sources.keys()].filter((path) => path.startsWith(capabilitiesFolder) && path.endsWith(`/${file}`))
  return (await Promise.all(paths.map(exportsOf))).flat()
}

async function declaredErrors() {
  const exported = [...Object.entries(pipelineErrors), ...(await gather('contract.ts'))]
  return Object.fromEntries(exported.flatMap(([name, value]) => (isErrorGroup(value) ? [[name, value] as const] : [])))
}

test('every operation declares what it takes, answers, needs, changes and refuses', () => {
  expect(operationFindings(appRouter, { scopes: tenantScopes, errors: errorCatalogue })).toEqual([])
  expect(Object.keys(appRouter._def.procedures).length).toBeGreaterThan(10)
})

test('every error that can be met is in the catalogue, once', async () => {
  const declared = await declaredErrors()
  expect(catalogueFindings(declared, errorGroups)).toEqual([])
  expect(Object.keys(declared)).toHaveLength(errorGroups.length)
})

test('errors are thrown by what declared them, and services throw only what their operations declare', async () => {
  expect(throwFindings(sources)).toEqual([])
  const declared = await declaredErrors()
  const pipeline = Object.values<unknown>(pipelineErrors).filter(isErrorGroup)
  expect(undeclaredThrowFindings(sources, appRouter, { declared, pipeline })).toEqual([])
})

test('every file of a capability has the name of a role', async () => {
  const paths = await capabilityPaths()
  expect(fileNameFindings(paths)).toEqual([])
  expect(paths.length).toBeGreaterThan(40)
})

test('every entity is a tenant table, or is listed with the reason why not', async () => {
  const declared = [...(await gather('entity.ts')).map(([, value]) => value).filter(isEntity), IdempotencyRecord]
  expect(await entityFindings(declared, { tenantTables, platformTables })).toEqual([])
  expect(declared).toHaveLength(tenantTables.length + platformTables.length)
  for (const { reason } of systemTables) expect(reason.length).toBeGreaterThan(10)
})

test('the database is what entities and grants declare: policies, keys, grants, functions and roles', async () => {
  expect(await inspectInstallation(installation.testDatabase.urls.tenantry_owner)).toEqual([])
})
