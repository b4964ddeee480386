import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import pg from 'pg'
import { PgBoss } from 'pg-boss'
import { expect, inject, onTestFinished, test } from 'vitest'
import { createLogger } from '../observability/logger.ts'
import { createDatabase, dropDatabase } from '../tenancy/provision.ts'
import { type ScheduledJob, startJobs } from './jobs.ts'

const name = 'test.job'

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** A database with the queue's tables, and one job waiting in it. */
async function useQueue(): Promise<string> {
  const admin = `${inject('postgresUrl')}/postgres`
  const database = `jobs_${randomBytes(6).toString('hex')}`
  await createDatabase(admin, database, 'tenantry_template')
  onTestFinished(() => dropDatabase(admin, database))
  const jobsUrl = `${inject('postgresUrl')}/${database}`
  const boss = new PgBoss({ connectionString: jobsUrl, schedule: false, supervise: false, migrate: false })
  await boss.start()
  await boss.createQueue(name)
  await boss.send(name, {})
  await boss.stop({ graceful: false })
  return jobsUrl
}

async function useJobs(jobsUrl: string, run: ScheduledJob['run']) {
  const lines: string[] = []
  const destination = new Writable({ write: (chunk, _encoding, done) => done(void lines.push(String(chunk))) })
  const logger = createLogger({ level: 'info', destination })
  const jobs = await startJobs({ jobsUrl, logger, jobs: [{ name, cron: '0 0 1 1 *', run }] })
  onTestFinished(() => jobs.stop())
  return { jobs, lines }
}

test('a job that waits is done once, and what it did is logged', async () => {
  const jobsUrl = await useQueue()
  await query(jobsUrl, 'create table kept as select generate_series(1, 3) as number')

  const { lines } = await useJobs(jobsUrl, async (run) => ({ removed: await run('delete from kept') }))

  await expect.poll(() => lines.join('')).toContain('job done')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', job: name, removed: 3 })
  const state = `select state::text from pgboss.job where name = '${name}'`
  await expect.poll(() => query(jobsUrl, state)).toEqual([{ state: 'completed' }])
})

test('stopping cuts a long statement short after a moment and leaves the job to be done again', async () => {
  const jobsUrl = await useQueue()
  const { jobs, lines } = await useJobs(jobsUrl, async (run) => ({ slept: await run('select pg_sleep(60)') }))
  const sleeping = `select pid from pg_stat_activity where query = 'select pg_sleep(60)'`
  await expect.poll(() => query(jobsUrl, sleeping)).toHaveLength(1)

  const startedAt = performance.now()
  await jobs.stop()

  expect(performance.now() - startedAt).toBeLessThan(2_500)
  expect(lines).toEqual([])
  const state = `select state::text from pgboss.job where name = '${name}'`
  expect(await query(jobsUrl, state)).toEqual([{ state: 'retry' }])
  // The server notices within a second, so that the next process does not do the work beside it.
  await expect.poll(() => query(jobsUrl, sleeping), { timeout: 3_000 }).toEqual([])
})

test('a job that fails is logged with what failed, and stays to be done again', async () => {
  const jobsUrl = await useQueue()

  const { lines } = await useJobs(jobsUrl, async (run) => ({ removed: await run('delete from no_such_table') }))

  await expect.poll(() => lines.join('')).toContain('a job failed')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'error',
    job: name,
    err: { message: expect.stringContaining('no_such_table') },
  })
})
