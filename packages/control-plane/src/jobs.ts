import type { ScheduledJob } from '@tenantry/kernel/jobs/jobs'

/** What the installation does by itself. The job role sees only what the policies leave to it. */
export const scheduledJobs: readonly ScheduledJob[] = [
  {
    name: 'idempotency.expire',
    cron: '17 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.idempotency_records') }),
  },
  {
    name: 'events.expire',
    cron: '27 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.events') }),
  },
]
