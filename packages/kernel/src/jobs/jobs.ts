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
  /** Lets running jobs end, for a second at the most; one that is cut short runs again later. */
  stop(): Promise<void>
}

const schema = 'pgboss'
const graceMilliseconds = 1_000
const expireSeconds = 300

/** A statement ends before its job is given to another process, and within a second once this one is gone. */
const statementBounds: pg.ClientConfig = {
  statement_timeout: (expireSeconds - 30) * 1_000,
  options: '-c client_connection_check_interval=1s',
}

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
  let stopping = false
  boss.on('error', (error) => {
    if (!stopping) logger.warn({ err: error }, 'the job queue failed; it will try again')
  })
  await boss.start()
  const statements = createStatements(jobsUrl)
  for (const job of jobs) {
    await boss.createQueue(job.name, { retryLimit: 3, retryBackoff: true, expireInSeconds: expireSeconds })
    await boss.work(job.name, { pollingIntervalSeconds: 30 }, async () => {
      try {
        const outcome = await job.run(statements.run)
        logger.info({ job: job.name, ...outcome }, 'job done')
      } catch (error) {
        if (!stopping) logger.error({ err: error, job: job.name }, 'a job failed; the queue tries it again')
        throw error
      }
    })
    await boss.schedule(job.name, job.cron)
  }
  return {
    stop: async () => {
      stopping = true
      await boss.stop({ graceful: true, timeout: graceMilliseconds })
      await statements.cut()
    },
  }
}

/** Each statement has a connection of its own, for a pool waits for those in use and could not be stopped in time. */
function createStatements(jobsUrl: string) {
  const open = new Set<pg.Client>()
  return {
    run: async (sql: string): Promise<number> => {
      const client = new pg.Client({ connectionString: jobsUrl, ...statementBounds })
      client.on('error', () => undefined)
      open.add(client)
      try {
        await client.connect()
        return (await client.query(sql)).rowCount ?? 0
      } finally {
        open.delete(client)
        await client.end()
      }
    },
    cut: async () => {
      await Promise.all([...open].map((client) => client.end()))
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
revoke execute on all functions in schema ${schema} from public;
`
