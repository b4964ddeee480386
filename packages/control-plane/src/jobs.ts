import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { ScheduledJob } from '@tenantry/kernel/jobs/jobs'
import { deliverMails } from './capabilities/mail/index.ts'
import { resumeOnboardings } from './capabilities/onboarding/index.ts'

/**
 * What the installation does by itself. Statements run as the job role, which sees only what the policies leave to it;
 * what changes a tenant goes through operations, as a `system` actor.
 */
export const scheduledJobs = (dependencies: Dependencies): readonly ScheduledJob[] => [
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
  {
    name: 'onboarding.resume',
    cron: '* * * * *',
    run: async () => ({ ...(await resumeOnboardings(dependencies)) }),
  },
  {
    name: 'onboarding.expire',
    cron: '37 * * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.onboardings') }),
  },
  {
    name: 'mails.deliver',
    cron: '* * * * *',
    run: async () => ({ ...(await deliverMails(dependencies)) }),
  },
  {
    name: 'mails.expire',
    cron: '47 3 * * *',
    run: async (query) => ({ removed: await query('delete from tenantry.mails') }),
  },
]
