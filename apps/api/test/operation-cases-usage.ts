import { asAdmin } from '@tenantry/control-plane/capabilities/event/service.fixture'
import { asService, type Case, ofTenant } from './operation-case.ts'

const tracked: NonNullable<Case['before']> = (api, world) =>
  asService(api, world).usage.track({ tenantId: 'current', metric: 'tokens', amount: 3, idempotencyKey: 'again' })

const reservationId = '019cf6a1-4e00-7000-8000-0000000000f2'

/** In a tenant that is suspended it was done before. */
const reserved =
  ({ count = 1, state = 'held' } = {}): NonNullable<Case['before']> =>
  ({ installation }, { tenant }) =>
    asAdmin(
      installation,
      `insert into tenantry.usage_reservations
         (tenant_id, id, meter, period, span, day, amount, state, committed, reserved_at, expires_at, period_ends_at)
       select $1, case when n = 1 then $2::uuid else gen_random_uuid() end, 'tokens', to_char($4::timestamptz, 'YYYY-MM-01'),
              to_char($4::timestamptz, 'YYYY-MM-01'), ($4::timestamptz)::date, 100, $5, null, $4, $4 + interval '1 hour', null
         from generate_series(1, $3::integer) n`,
      [tenant.id, reservationId, count, installation.dependencies.clock.now(), state],
    )

/** It was made at the moment of the call. */
const steadyReservation = (text: string) =>
  text
    .replaceAll(/"reservedAt":"[^"]+"/g, '"reservedAt":"2026-03-16T12:00:00.000Z"')
    .replaceAll(/"expiresAt":"[^"]+"/g, '"expiresAt":"2026-03-16T13:00:00.000Z"')

export const usageCases: Record<string, Case[]> = {
  'usage.check': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ metric: 'pipeline_runs', amount: 201 }) },
    { expects: 'ok', as: 'viewer', input: ofTenant({ metric: 'tokens', amount: 70 }), before: tracked },
    { expects: 'usage.unknown_meter', as: 'viewer', input: ofTenant({ metric: 'no_such_meter' }) },
    { expects: 'tenant.not_found', as: 'stranger', input: ofTenant({ metric: 'tokens' }) },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ metric: 'tokens', amount: 0 }) },
  ],
  'usage.stats': [
    { expects: 'ok', as: 'viewer', input: ofTenant() },
    { expects: 'tenant.not_found', as: 'stranger', input: ofTenant() },
  ],
  'usage.events': [
    { expects: 'ok', as: 'viewer', input: ofTenant() },
    { expects: 'ok', as: 'viewer', input: ofTenant({ metric: 'tokens', limit: 10 }), before: tracked },
    { expects: 'usage.unknown_meter', as: 'viewer', input: ofTenant({ metric: 'no_such_meter' }) },
    { expects: 'tenant.not_found', as: 'stranger', input: ofTenant() },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ cursor: 'the second page' }) },
  ],
  'usage.trends': [
    { expects: 'ok', as: 'viewer', input: ofTenant() },
    {
      expects: 'ok',
      as: 'viewer',
      input: ofTenant({ granularity: 'week', from: '2026-03-02', to: '2026-03-16', metric: ['tokens'] }),
      before: tracked,
    },
    { expects: 'usage.unknown_meter', as: 'viewer', input: ofTenant({ metric: ['no_such_meter'] }) },
    { expects: 'tenant.not_found', as: 'stranger', input: ofTenant() },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ from: '2024-01-01', to: '2026-01-01' }) },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ metric: ['users'] }) },
  ],
  'usage.migrate': [
    { expects: 'ok', as: 'operator', input: ({ tenant }) => ({ tenantIds: [tenant.slug] }), before: tracked },
    { expects: 'ok', as: 'operator', input: ({ tenant }) => ({ tenantIds: [tenant.id, 'nobody'], dryRun: true }) },
    { expects: 'request.invalid', as: 'operator', input: { tenantIds: [], limit: 101, cursor: 'the second page' } },
    { expects: 'auth.permission_denied', as: 'owner', input: ({ tenant }) => ({ tenantIds: [tenant.slug] }) },
  ],
  'usage.void': [
    { expects: 'usage.event_not_found', as: 'admin', input: ofTenant({ idempotencyKey: 'never', reason: 'Any' }) },
    {
      expects: 'ok',
      as: 'admin',
      input: ofTenant({ idempotencyKey: 'again', reason: 'Reported by mistake' }),
      before: tracked,
    },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ idempotencyKey: 'again', reason: 'Any' }) },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ reason: 'Any' }) },
    {
      expects: 'usage.below_zero',
      as: 'admin',
      input: ofTenant({ idempotencyKey: 'upload', reason: 'Any' }),
      before: async (api, world) => {
        const { usage } = asService(api, world)
        await usage.track({ tenantId: 'current', metric: 'storage', amount: 5, idempotencyKey: 'upload' })
        await usage.track({ tenantId: 'current', metric: 'storage', amount: -3 })
      },
    },
  ],
  'usage.setGauge': [
    { expects: 'ok', as: 'admin', input: ofTenant({ meter: 'storage', value: 1_048_576, sequence: 7 }) },
    {
      expects: 'usage.outdated',
      as: 'admin',
      input: ofTenant({ meter: 'storage', value: 1_048_576, sequence: 7 }),
      before: (api, world) =>
        asService(api, world).usage.setGauge({ tenantId: 'current', meter: 'storage', value: 5, sequence: 8 }),
    },
    { expects: 'usage.unknown_meter', as: 'admin', input: ofTenant({ meter: 'no_such_meter', value: 1 }) },
    { expects: 'auth.permission_denied', as: 'member', input: ofTenant({ meter: 'storage', value: 1 }) },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ meter: 'storage', value: -1 }) },
    { expects: 'request.invalid', as: 'admin', input: ofTenant({ meter: 'tokens', value: 1 }) },
  ],
  'usage.track': [
    { expects: 'ok', as: 'member', input: ofTenant({ metric: 'tokens', amount: 70, properties: { model: 'small' } }) },
    { expects: 'ok', as: 'member', input: ofTenant({ metric: 'tokens' }) },
    {
      expects: 'ok',
      as: 'member',
      input: ofTenant({ metric: 'tokens', amount: 3, idempotencyKey: 'again' }),
      before: tracked,
    },
    {
      expects: 'usage.idempotency_conflict',
      as: 'member',
      input: ofTenant({ metric: 'tokens', amount: 4, idempotencyKey: 'again' }),
      before: tracked,
    },
    { expects: 'usage.unknown_meter', as: 'member', input: ofTenant({ metric: 'no_such_meter' }) },
    { expects: 'usage.below_zero', as: 'member', input: ofTenant({ metric: 'storage', amount: -1 }) },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ metric: 'tokens' }) },
    { expects: 'request.invalid', as: 'member', input: ofTenant({ metric: 'tokens', amount: -5 }) },
  ],
  'usage.consume': [
    { expects: 'ok', as: 'member', input: ofTenant({ metric: 'pipeline_runs', idempotencyKey: 'run-1' }) },
    {
      expects: 'ok',
      as: 'member',
      input: ofTenant({ metric: 'tokens', amount: 3, idempotencyKey: 'again' }),
      before: tracked,
    },
    { expects: 'usage.limit_exceeded', as: 'member', input: ofTenant({ metric: 'pipeline_runs', amount: 201 }) },
    {
      expects: 'usage.idempotency_conflict',
      as: 'member',
      input: ofTenant({ metric: 'tokens', amount: 4, idempotencyKey: 'again' }),
      before: tracked,
    },
    { expects: 'usage.unknown_meter', as: 'member', input: ofTenant({ metric: 'no_such_meter' }) },
    { expects: 'usage.below_zero', as: 'member', input: ofTenant({ metric: 'storage', amount: -1 }) },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ metric: 'tokens' }) },
    { expects: 'request.invalid', as: 'member', input: ofTenant({ metric: 'concurrent_pipelines' }) },
  ],
  'usage.reserve': [
    {
      expects: 'ok',
      as: 'member',
      input: ofTenant({ metric: 'tokens', amount: 2_000, ttlSeconds: 120, properties: { model: 'small' } }),
      steady: (text) =>
        text
          .replaceAll(/"expiresAt":"[^"]+"/g, '"expiresAt":"2026-03-16T12:02:00.000Z"')
          .replaceAll(/"id":"[^"]+"/g, `"id":"${reservationId}"`),
    },
    { expects: 'usage.limit_exceeded', as: 'member', input: ofTenant({ metric: 'pipeline_runs', amount: 201 }) },
    {
      expects: 'usage.idempotency_conflict',
      as: 'member',
      input: ofTenant({ metric: 'tokens', amount: 4, idempotencyKey: 'held' }),
      before: (api, world) =>
        asService(api, world).usage.reserve({
          tenantId: 'current',
          metric: 'tokens',
          amount: 3,
          idempotencyKey: 'held',
        }),
    },
    { expects: 'usage.unknown_meter', as: 'member', input: ofTenant({ metric: 'no_such_meter', amount: 1 }) },
    {
      expects: 'reservation.too_many',
      as: 'member',
      input: ofTenant({ metric: 'tokens', amount: 1 }),
      before: reserved({ count: 1_000 }),
    },
    {
      expects: 'reservation.already_settled',
      as: 'member',
      input: ofTenant({ metric: 'tokens', amount: 3, idempotencyKey: 'held' }),
      before: async (api, world) => {
        const { usage } = asService(api, world)
        const current = { tenantId: 'current' }
        const { id } = await usage.reserve({ ...current, metric: 'tokens', amount: 3, idempotencyKey: 'held' })
        await usage.commit({ ...current, reservationId: id })
      },
    },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ metric: 'tokens', amount: 1 }) },
    { expects: 'request.invalid', as: 'member', input: ofTenant({ metric: 'tokens', amount: 1, ttlSeconds: 5 }) },
  ],
  'usage.reservation': [
    { expects: 'ok', as: 'viewer', input: ofTenant({ reservationId }), before: reserved(), steady: steadyReservation },
    { expects: 'reservation.not_found', as: 'viewer', input: ofTenant({ reservationId }) },
    { expects: 'tenant.not_found', as: 'stranger', input: ofTenant({ reservationId }) },
    { expects: 'request.invalid', as: 'viewer', input: ofTenant({ reservationId: 'the first' }) },
  ],
  'usage.commit': [
    { expects: 'ok', as: 'member', input: ofTenant({ reservationId, amount: 70 }), before: reserved() },
    { expects: 'reservation.not_found', as: 'member', input: ofTenant({ reservationId }) },
    {
      expects: 'reservation.already_settled',
      as: 'member',
      input: ofTenant({ reservationId }),
      before: reserved({ state: 'released' }),
    },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ reservationId }) },
    { expects: 'request.invalid', as: 'member', input: ofTenant({ reservationId, amount: -1 }) },
  ],
  'usage.release': [
    { expects: 'ok', as: 'member', input: ofTenant({ reservationId }), before: reserved() },
    { expects: 'reservation.not_found', as: 'member', input: ofTenant({ reservationId }) },
    {
      expects: 'reservation.already_settled',
      as: 'member',
      input: ofTenant({ reservationId }),
      before: reserved({ state: 'committed' }),
    },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ reservationId }) },
  ],
  'usage.trackBatch': [
    {
      expects: 'ok',
      as: 'member',
      input: ofTenant({
        events: [
          { metric: 'tokens', amount: 70, idempotencyKey: 'one' },
          { metric: 'tokens', amount: 3, idempotencyKey: 'two' },
          { metric: 'tokens', amount: 3, idempotencyKey: 'two' },
          { metric: 'no_such_meter' },
          { metric: 'tokens', amount: 0 },
        ],
      }),
    },
    { expects: 'auth.permission_denied', as: 'viewer', input: ofTenant({ events: [{ metric: 'tokens' }] }) },
    { expects: 'request.invalid', as: 'member', input: ofTenant({ events: [] }) },
  ],
}
