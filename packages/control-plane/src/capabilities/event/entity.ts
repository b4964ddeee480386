import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantId, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

/** An hour more than a stream may go back to, so that no difference between clocks opens a gap. */
const retention = '7 days 01:00:00'

/** What happened to a tenant, for those who watch it. The job role sees what is kept no longer. */
export const Event = defineEntity({
  name: 'Event',
  tableName: 'events',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'expired',
      roles: ['tenantry_jobs'],
      using: `occurred_at < (now() - '${retention}'::interval)`,
    },
  ],
  indexes: [{ properties: ['occurredAt'] }],
  properties: {
    tenantId: tenantId(),
    /** Rises with every event of the tenant: microseconds, so that no tenant learns how busy the others are. */
    position: p.bigint('number').primary(),
    type: p.string().length(64),
    data: p.json<Record<string, unknown>>(),
    occurredAt: p.datetime(),
  },
})
export type Event = InferEntity<typeof Event>
