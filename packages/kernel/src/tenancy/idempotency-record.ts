import { defineEntity, p } from '@mikro-orm/core'
import { tenantId, tenantPolicies, tenantScoped } from './tenant-table.ts'

/** How long the answer to an Idempotency-Key is kept. */
export const idempotencyRetentionHours = 24

/** The stored answer to one Idempotency-Key: of a tenant, a principal and an operation. The job role sees expired ones only. */
export const IdempotencyRecord = defineEntity({
  name: 'IdempotencyRecord',
  tableName: 'idempotency_records',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'expired',
      roles: ['tenantry_jobs'],
      using: `created_at < (now() - '${idempotencyRetentionHours}:00:00'::interval)`,
    },
  ],
  indexes: [{ properties: ['createdAt'] }],
  properties: {
    tenantId: tenantId(),
    principal: p.string().length(255).primary(),
    operation: p.string().length(100).primary(),
    key: p.string().length(255).primary(),
    /** SHA-256 of the input, hexadecimal. */
    requestHash: p.string().length(64),
    /** The answer, encrypted. */
    response: p.text(),
    createdAt: p.datetime(),
  },
})
