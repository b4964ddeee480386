import { defineEntity, type InferEntity, p } from '@mikro-orm/core'
import { tenantColumns, tenantPolicies, tenantScoped } from '@tenantry/kernel/tenancy/tenant-table'

/**
 * Mails to be sent, each written in the transaction of what it tells of; a job sends them. The job role sees those
 * that were sent or given up, long after.
 */
export const Mail = defineEntity({
  name: 'Mail',
  tableName: 'mails',
  ...tenantScoped,
  policies: [
    ...tenantPolicies(),
    {
      name: 'expired',
      roles: ['tenantry_jobs'],
      using: `next_attempt_at is null and created_at < (now() - '30 days'::interval)`,
    },
  ],
  indexes: [
    { properties: ['sentAt', 'nextAttemptAt'] },
    { properties: ['recipient'] },
    { properties: ['tenantId', 'createdAt'] },
  ],
  properties: {
    ...tenantColumns,
    recipient: p.string().length(320),
    /** Who must still be that of the tenant, and active, when it goes out; null: it goes to the address. */
    recipientId: p.uuid().nullable(),
    /** A member need be no owner or admin: it is enough that they reach the tenant. */
    recipientKind: p.enum(['steward', 'member']).default('steward'),
    /** A later one of the tenant about the same takes its place while it waits; null: nothing does. */
    about: p.string().length(200).nullable(),
    subject: p.string().length(200),
    text: p.text(),
    html: p.text(),
    /** Text and HTML with the secret links that the others leave out, encrypted; null once nothing is left to send. */
    sealed: p.text().nullable(),
    /** Of the person whom it names as who sends it. */
    senderId: p.string().length(200).nullable(),
    createdAt: p.datetime(),
    attempts: p.integer().default(0),
    /** Null where it is given up. */
    nextAttemptAt: p.datetime().nullable(),
    sentAt: p.datetime().nullable(),
    lastError: p.string().length(500).nullable(),
  },
})
export type Mail = InferEntity<typeof Mail>
