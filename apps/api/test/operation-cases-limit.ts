import { operator } from '@tenantry/control-plane/testing'
import { type Case, inPath, ofTenant } from './operation-case.ts'

const reason = 'Agreed on until the new contract.'

/** Each tenant may have it: an id alone names nothing. */
const grantId = '019cf6a1-4e00-7000-8000-0000000000f0'
const wantedGrant = {
  meter: 'tokens',
  amount: 500_000,
  reason: 'For the launch',
  expiresAt: '2099-01-01T00:00:00.000Z',
}

const granted: NonNullable<Case['before']> = ({ installation }, { tenant }) =>
  installation.database.tenantUnit({ tenantId: tenant.id, actor: operator, readOnly: false }, (em) =>
    em.execute(
      'insert into tenantry.limit_grants (tenant_id, id, meter, amount, reason, expires_at, created_at) values (?, ?, ?, ?, ?, ?, ?)',
      [tenant.id, grantId, ...Object.values(wantedGrant), installation.dependencies.clock.now()],
    ),
  )

const requestId = '019cf6a1-4e00-7000-8000-0000000000f1'
const wantedLimit = { meter: 'tokens', value: 90_000_000, reason: 'We grow faster than we thought.' }
const approval = { requestId, decision: 'approved', reason: 'As agreed' }

const askedBy = ['user', '0190a1f0-0000-7000-8000-000000000007']

const requested =
  (state: 'open' | 'declined', asked = wantedLimit): NonNullable<Case['before']> =>
  ({ installation }, { tenant }) =>
    installation.database.tenantUnit({ tenantId: tenant.id, actor: operator, readOnly: false }, (em) =>
      em.execute(
        'insert into tenantry.limit_requests (tenant_id, id, meter, value, reason, state, requested_by_type, requested_by_id, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        [tenant.id, requestId, ...Object.values(asked), state, ...askedBy, installation.dependencies.clock.now()],
      ),
    )

/** They are set at the moment of the call. */
const steadyTimes = (text: string) => text.replaceAll(/"createdAt":"[^"]+"/g, '"createdAt":"2026-03-16T12:00:00.000Z"')

export const limitCases: Record<string, Case[]> = {
  'limits.overrides': [
    { expects: 'ok', as: 'operator', input: inPath },
    { expects: 'auth.permission_denied', as: 'owner', input: inPath },
  ],
  'limits.setOverrides': [
    {
      expects: 'ok',
      as: 'operator',
      input: ofTenant({
        overrides: {
          tokens: { value: 5_000_000, expiresAt: '2099-01-01T00:00:00.000Z' },
          pipeline_runs: { value: 'unlimited' },
          events: null,
        },
        reason,
      }),
      steady: steadyTimes,
    },
    {
      expects: 'auth.permission_denied',
      as: 'owner',
      input: ofTenant({ overrides: { tokens: { value: 5 } }, reason }),
    },
    {
      expects: 'request.invalid',
      as: 'operator',
      input: ofTenant({
        overrides: { toasts: { value: 5 }, tokens: { value: 5, expiresAt: '2020-01-01T00:00:00Z' } },
        reason,
      }),
    },
  ],
  'limits.grants': [
    { expects: 'ok', as: 'operator', input: inPath, before: granted, steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'owner', input: inPath },
    { expects: 'request.invalid', as: 'operator', input: ofTenant({ cursor: 'the second page' }) },
  ],
  'limits.grant': [
    { expects: 'ok', as: 'operator', input: ofTenant(wantedGrant), steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'owner', input: ofTenant(wantedGrant) },
    { expects: 'request.invalid', as: 'operator', input: ofTenant({ ...wantedGrant, meter: 'toasts' }) },
  ],
  'limits.revokeGrant': [
    { expects: 'ok', as: 'operator', input: ofTenant({ grantId }), before: granted, steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'owner', input: ofTenant({ grantId }) },
    { expects: 'limit_grant.not_found', as: 'operator', input: ofTenant({ grantId }) },
  ],
  'limits.requests': [
    { expects: 'ok', as: 'owner', input: ofTenant({ state: 'open' }), before: requested('open'), steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'member', input: inPath },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ state: 'closed' }) },
  ],
  'limits.allRequests': [
    {
      expects: 'ok',
      as: 'operator',
      input: ({ tenant }) => ({ state: 'open', tenantId: tenant.slug, limit: 10 }),
      before: requested('open'),
      steady: steadyTimes,
    },
    { expects: 'auth.permission_denied', as: 'owner' },
    { expects: 'tenant.not_found', as: 'operator', input: { tenantId: 'nobody' } },
    { expects: 'request.invalid', as: 'operator', input: { state: 'closed', cursor: 'the second page' } },
  ],
  'limits.request': [
    { expects: 'ok', as: 'admin', input: ofTenant(wantedLimit), steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant(wantedLimit) },
    { expects: 'limit_request.already_open', as: 'owner', input: ofTenant(wantedLimit), before: requested('open') },
    { expects: 'request.invalid', as: 'owner', input: ofTenant({ ...wantedLimit, meter: 'toasts' }) },
  ],
  'limits.decide': [
    { expects: 'ok', as: 'operator', input: ofTenant(approval), before: requested('open'), steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'owner', input: ofTenant(approval) },
    { expects: 'limit_request.not_found', as: 'operator', input: ofTenant(approval) },
    {
      expects: 'limit_request.already_decided',
      as: 'operator',
      input: ofTenant(approval),
      before: requested('declined'),
    },
    {
      expects: 'limit_request.no_more_needed',
      as: 'operator',
      input: ofTenant(approval),
      before: requested('open', { ...wantedLimit, value: 1 }),
    },
  ],
}
