import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { ScheduledJob } from '@tenantry/kernel/jobs/jobs'

/**
 * What the installation does by itself. Statements run as the job role, which sees only what the policies leave to it;
 * what changes a tenant goes through operations, as a `system` actor.
 */
export const scheduledJobs = (_dependencies: Dependencies): readonly ScheduledJob[] => [
  {
    name: 'idempotency.expire',
    cron: '17 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.idempotency_records') }),
  },
  {
    name: 'api_keys.expire',
    cron: '37 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.api_keys') }),
  },
  {
    name: 'events.expire',
    cron: '27 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.events') }),
  },
]
