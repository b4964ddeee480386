import { beginRun } from '@tenantry/control-plane/capabilities/run/service.fixture'
import { asService, type Case, inPath, ofTenant } from './operation-case.ts'

const runId = '019cf6a1-4e00-7000-8000-0000000000e0'
const nightly = {
  workload: 'nightly-import',
  parameters: { source: 's3://exports', tables: ['orders', 'customers'] },
  leaseSeconds: 120,
  idempotencyKey: 'nightly-2026-03-16',
}

const running: NonNullable<Case['before']> = ({ installation }, { tenant }) =>
  beginRun(installation, { tenantId: tenant.id, id: runId, workload: 'nightly-import' })

/** As long ago that its lease has ended. */
const forgotten: NonNullable<Case['before']> = ({ installation }, { tenant }) =>
  beginRun(installation, { tenantId: tenant.id, id: runId, workload: 'nightly-import', secondsAgo: 3_600 })

const full: NonNullable<Case['before']> = async (api, world) => {
  for (const workload of ['a', 'b', 'c', 'd', 'e']) {
    await asService(api, world).runs.start({ tenantId: 'current', workload })
  }
}

const ended: NonNullable<Case['before']> = async (api, world) => {
  await running(api, world)
  await asService(api, world).runs.complete({ tenantId: 'current', runId, outcome: 'failed' })
}

export const runCases: Record<string, Case[]> = {
  'runs.start': [
    { expects: 'ok', as: 'member', input: ofTenant(nightly) },
    {
      expects: 'ok',
      as: 'member',
      input: ofTenant(nightly),
      before: (api, world) => asService(api, world).runs.start({ tenantId: 'current', ...nightly }),
    },
    { expects: 'usage.limit_exceeded', as: 'member', input: ofTenant({ workload: 'nightly-import' }), before: full },
    {
      expects: 'usage.idempotency_conflict',
      as: 'member',
      input: ofTenant({ ...nightly, workload: 'weekly-import' }),
      before: (api, world) => asService(api, world).runs.start({ tenantId: 'current', ...nightly }),
    },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant(nightly) },
    { expects: 'request.invalid', as: 'member', input: ofTenant({ ...nightly, leaseSeconds: 5 }) },
  ],
  'runs.heartbeat': [
    { expects: 'ok', as: 'member', input: ofTenant({ runId }), before: running },
    { expects: 'run.not_found', as: 'member', input: ofTenant({ runId }) },
    { expects: 'run.already_ended', as: 'member', input: ofTenant({ runId }), before: ended },
    {
      expects: 'run.lease_lost',
      as: 'member',
      input: ofTenant({ runId }),
      before: async (api, world) => {
        await forgotten(api, world)
        await full(api, world)
      },
    },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ runId }) },
  ],
  'runs.complete': [
    { expects: 'ok', as: 'member', input: ofTenant({ runId, outcome: 'succeeded' }), before: running },
    { expects: 'ok', as: 'member', input: ofTenant({ runId, outcome: 'not_started' }), before: forgotten },
    { expects: 'run.not_found', as: 'member', input: ofTenant({ runId, outcome: 'succeeded' }) },
    { expects: 'run.already_ended', as: 'member', input: ofTenant({ runId, outcome: 'succeeded' }), before: ended },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ runId, outcome: 'succeeded' }) },
    { expects: 'request.invalid', as: 'member', input: ofTenant({ runId, outcome: 'lost' }) },
  ],
  'runs.list': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ state: 'lost', workload: 'nightly-import' }), before: forgotten },
    { expects: 'ok', as: 'viewer', input: inPath, before: ended },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ state: 'asleep' }) },
  ],
  'runs.get': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ runId }), before: running },
    { expects: 'run.not_found', as: 'viewer', input: ofTenant({ runId }) },
  ],
}
