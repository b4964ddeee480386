import pg from 'pg'
import { PgBoss } from 'pg-boss'
import type { Logger } from 'pino'

export interface ScheduledJob {
  name: string
  /** Five fields, UTC. */
  cron: string
  run(query: (sql: string) => Promise<number>): Promise<Record<string, unknown>>
}

export interface Jobs {
  /** Lets running jobs end, for ten seconds at the most. */
  stop(): Promise<void>
}

const schema = 'pgboss'

/** Makes the queue's tables and puts them under forced row-level security, for the job role alone. */
export async function installJobs(jobsUrl: string): Promise<void> {
  const boss = new PgBoss({ connectionString: jobsUrl, schema, createSchema: false, supervise: false, schedule: false })
  boss.on('error', () => undefined)
  await boss.start()
  await boss.stop({ graceful: false })
  const client = new pg.Client(jobsUrl)
  await client.connect()
  try {
    await client.query(lockTablesSql)
  } finally {
    await client.end()
  }
}

/** Runs the scheduled jobs of the installation; each runs in one process at a time. */
export async function startJobs(options: {
  jobsUrl: string
  logger: Logger
  jobs: readonly ScheduledJob[]
}): Promise<Jobs> {
  const { jobsUrl, logger, jobs } = options
  const boss = new PgBoss({
    connectionString: jobsUrl,
    schema,
    createSchema: false,
    migrate: false,
    max: 3,
    application_name: 'tenantry-jobs',
  })
  boss.on('error', (error) => logger.warn({ err: error }, 'the job queue failed; it will try again'))
  await boss.start()
  const pool = new pg.Pool({ connectionString: jobsUrl, max: 1 })
  pool.on('error', (error) => logger.warn({ err: error }, 'a job connection failed'))
  const query = async (sql: string) => (await pool.query(sql)).rowCount ?? 0
  for (const job of jobs) {
    await boss.createQueue(job.name, { retryLimit: 3, retryBackoff: true, expireInSeconds: 300 })
    await boss.work(job.name, { pollingIntervalSeconds: 30 }, async () => {
      const outcome = await job.run(query)
      logger.info({ job: job.name, ...outcome }, 'job done')
    })
    await boss.schedule(job.name, job.cron)
  }
  return {
    stop: async () => {
      await boss.stop({ graceful: true, timeout: 10_000 })
      await pool.end()
    },
  }
}

const lockTablesSql = /* sql */ `
do $$
declare
  name text;
begin
  for name in select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = '${schema}' and c.relkind in ('r', 'p') and not c.relforcerowsecurity loop
    execute format('alter table ${schema}.%I enable row level security', name);
    execute format('alter table ${schema}.%I force row level security', name);
    execute format('create policy job_role on ${schema}.%I to tenantry_jobs using (true) with check (true)', name);
  end loop;
end $$;
`
