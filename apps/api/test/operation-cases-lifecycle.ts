import { asAdmin } from '@tenantry/control-plane/capabilities/event/service.fixture'
import { purgeTenant } from '@tenantry/control-plane/capabilities/lifecycle/index'
import { operator } from '@tenantry/control-plane/testing'
import type { TestApi } from './api-server.ts'
import { type Case, inPath, ofTenant } from './operation-case.ts'
import type { World } from './operation-world.ts'

const operators = ({ installation }: TestApi) => installation.callerAs(operator).tenants
const suspend = (api: TestApi, world: World) =>
  operators(api).suspend({ ...inPath(world), reason: 'Invoice 2041 is unpaid.' })
const remove = (api: TestApi, world: World) => operators(api).remove({ ...inPath(world), reason: 'They leave us.' })

async function purge(api: TestApi, { tenant }: World): Promise<void> {
  await operators(api).remove({ tenantId: tenant.id })
  const past = `update tenantry.tenants set delete_after = now() - interval '1 day' where id = $1`
  await asAdmin(api.installation, past, [tenant.id])
  await purgeTenant(api.installation.dependencies, tenant.id)
}

/** Purges have their times from the database, and other tests have others. */
const steadyReport = (text: string) =>
  text
    .replaceAll(/"(requestedAt|deleteAfter|startedAt|completedAt)":"[^"]+"/g, '"$1":"2026-03-16T12:00:00.000Z"')
    .replaceAll(/"hash":"[0-9a-f]{64}"/g, `"hash":"${'5f'.repeat(32)}"`)
    .replaceAll(
      /"requestedBy":"platformAdmin:[^"]+"/g,
      '"requestedBy":"platformAdmin:0190a1f0-0000-7000-8000-000000000009"',
    )
    .replaceAll(/("tenantId"|"nextCursor"):("[^"]+"|null)/g, '$1:"0190a1f0-0000-7000-8000-000000000008"')

/** Other tests purge at the same time. */
const steadyReports = (text: string) =>
  steadyReport(text)
    .replaceAll(
      /"tables":\[[^\]]*\]/g,
      '"tables":[{"table":"tenantry.memberships","counted":4,"deleted":4,"left":0},{"table":"tenantry.usage_events","counted":812,"deleted":812,"left":0}]',
    )
    .replaceAll('"completedAt":null', '"completedAt":"2026-03-16T12:00:00.000Z"')
    .replaceAll('"hash":null', `"hash":"${'5f'.repeat(32)}"`)

const stale = { reason: 'It is paid.', expectedVersion: 7 }

export const lifecycleCases: Record<string, Case[]> = {
  'tenants.suspend': [
    {
      expects: 'ok',
      as: 'operator',
      input: ofTenant({ reason: 'Invoice 2042 is unpaid.', until: '2099-01-01T00:00:00.000Z' }),
    },
    { expects: 'auth.permission_denied', as: 'owner', input: ofTenant({ reason: 'A holiday' }) },
    { expects: 'request.invalid', as: 'operator', input: ofTenant({ reason: ' ', until: 'tomorrow' }) },
    { expects: 'tenant.concurrent_update', as: 'operator', input: ofTenant(stale) },
    { expects: 'tenant.invalid_transition', as: 'operator', input: ofTenant({ reason: 'Fraud' }), before: remove },
  ],
  'tenants.reactivate': [
    { expects: 'ok', as: 'operator', input: ofTenant({ reason: 'It is paid.' }), before: suspend },
    { expects: 'auth.permission_denied', as: 'owner', input: ofTenant({ reason: 'We are back' }) },
    { expects: 'tenant.concurrent_update', as: 'operator', input: ofTenant(stale) },
    { expects: 'tenant.invalid_transition', as: 'operator', input: ofTenant({ reason: 'Paid' }), before: remove },
  ],
  'tenants.remove': [
    { expects: 'ok', as: 'owner', input: ofTenant({ reason: 'We close.', expectedVersion: 1 }) },
    { expects: 'ok', as: 'operator', input: inPath, status: 'suspended' },
    { expects: 'auth.permission_denied', as: 'admin', input: inPath },
    { expects: 'tenant.concurrent_update', as: 'owner', input: ofTenant({ expectedVersion: 7 }) },
    {
      expects: 'tenant.has_children',
      as: 'owner',
      input: inPath,
      before: ({ installation }, { tenant }) => installation.createTenant({ parent: tenant }),
    },
  ],
  'tenants.restore': [
    { expects: 'ok', as: 'operator', input: ofTenant({ reason: 'By mistake' }), before: remove },
    { expects: 'auth.permission_denied', as: 'owner', input: ofTenant({ reason: 'By mistake' }) },
    { expects: 'tenant.concurrent_update', as: 'operator', input: ofTenant(stale) },
    { expects: 'tenant.invalid_transition', as: 'operator', input: ofTenant({ reason: 'By mistake' }) },
  ],
  'deletionReports.get': [
    {
      expects: 'ok',
      as: 'operator',
      input: ({ tenant }) => ({ tenantId: tenant.id }),
      before: purge,
      steady: steadyReport,
    },
    { expects: 'deletion_report.not_found', as: 'operator', input: ({ other }) => ({ tenantId: other.id }) },
    { expects: 'auth.permission_denied', as: 'owner', input: ({ tenant }) => ({ tenantId: tenant.id }) },
  ],
  'deletionReports.list': [
    { expects: 'ok', as: 'operator', input: { limit: 1 }, before: purge, steady: steadyReports },
    { expects: 'auth.permission_denied', as: 'owner' },
  ],
}
