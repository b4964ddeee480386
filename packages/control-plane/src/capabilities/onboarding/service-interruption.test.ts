import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation, type TestUser } from '../../testing.ts'
import { callByKey } from '../api-key/service.fixture.ts'
import { resumeOnboardings } from './index.ts'

let now: Date
let installation: TestInstallation
let database: pg.Client
let admin: TestUser

beforeAll(async () => {
  installation = await openTestInstallation({ clock: { now: () => now } })
  database = new pg.Client(installation.testDatabase.adminUrl)
  await database.connect()
  // What a crash looks like from here: the step's transaction is gone, and with it whoever was at work.
  await database.query(
    `create function public.crash() returns trigger language plpgsql as $$ begin raise 'crashed'; end $$`,
  )
})

afterAll(async () => {
  await database.end()
  await installation.close()
})

beforeEach(async () => {
  now = new Date('2026-11-21T10:00:00Z')
  admin = await installation.createUser()
})

const later = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1_000)
}
const newWord = () => `w${randomBytes(6).toString('hex')}`
const asOperator = (idempotencyKey?: string) =>
  installation.callerAs({ ...operator, ...admin }, undefined, idempotencyKey ? { idempotencyKey } : {}).tenants
const resume = () => resumeOnboardings(installation.dependencies)

async function crashAt(table: string, when: string): Promise<() => Promise<void>> {
  await database.query(`create trigger crash before ${when} execute function public.crash()`)
  const mend = async () => void (await database.query(`drop trigger if exists crash on tenantry.${table}`))
  onTestFinished(mend)
  return mend
}

async function named(slug: string) {
  const { rows } = await database.query(
    `select t.status, t.id, (select count(*)::int from tenantry.memberships m where m.tenant_id = t.id) as members,
        (select count(*)::int from tenantry.tenant_settings s where s.tenant_id = t.id) as settings,
        (select count(*)::int from tenantry.limit_overrides o where o.tenant_id = t.id) as overrides
      from tenantry.tenants t where slug = $1`,
    [slug],
  )
  return rows
}

const whole = { status: 'active', members: 1, settings: 1, overrides: 1 }
const actions = ['tenant.created', 'member.added', 'limits.overridden', 'tenant.activated']

const steps = [
  ['owner', 'memberships', 'insert on tenantry.memberships for each row'],
  ['settings', 'tenant_settings', 'insert on tenantry.tenant_settings for each row'],
  ['limits', 'limit_overrides', 'insert on tenantry.limit_overrides for each row'],
  ['mail', 'mails', 'insert on tenantry.mails for each row'],
  ['activation', 'tenants', `update on tenantry.tenants for each row when (new.status = 'active')`],
] as const

test.each(steps)(
  'a creation cut short at the %s is gone on with by the job, and every step is done once',
  async (_, table, when) => {
    const slug = newWord()
    const mend = await crashAt(table, when)
    await expect(asOperator().create({ name: slug, limits: { tokens: 5 } })).rejects.toThrow('Something went wrong')
    const [cut] = await named(slug)
    expect(cut).toMatchObject({ status: 'provisioning' })
    await expect(installation.callerAs(operator, slug).tenants.usage({})).rejects.toMatchObject({
      code: 'tenant.inactive',
    })

    later(11)
    expect(await resume()).toEqual({ resumed: 0, failed: 1 })
    await mend()
    expect(await resume()).toEqual({ resumed: 1, failed: 0 })
    expect(await named(slug)).toMatchObject([whole])
    const told = actions.map((action) => ({ action, actorType: 'platformAdmin', actorId: admin.id }))
    expect(await installation.auditEntries(cut.id)).toMatchObject(told)
    expect(await resume()).toEqual({ resumed: 0, failed: 0 })
    expect(await installation.callerAs(admin, slug).tenants.info({})).toMatchObject({ userRole: 'owner' })
  },
)

test.each(steps)(
  'a creation cut short at the %s goes on at once when it is asked for again with its key',
  async (_, table, when) => {
    const [slug, key] = [newWord(), newWord()]
    const input = { name: slug, limits: { tokens: 5 } }
    const mend = await crashAt(table, when)
    await expect(asOperator(key).create(input)).rejects.toThrow('Something went wrong')
    await mend()
    const made = await asOperator(key).create(input)
    expect(made).toMatchObject({ slug, status: 'active', owner: { userId: admin.id } })
    expect(await named(slug)).toMatchObject([whole])
    expect(await asOperator(key).create(input)).toEqual(JSON.parse(JSON.stringify(made)))
    expect((await installation.auditEntries(made.id)).map(({ action }) => action)).toEqual(actions)
  },
)

test('an API key is made with the answer: whoever asks again sees it, and before there was none', async () => {
  const [slug, key] = [newWord(), newWord()]
  const input = { name: slug, plan: 'starter', createApiKey: true }
  const mend = await crashAt('mails', 'insert on tenantry.mails for each row')
  await expect(asOperator(key).create(input)).rejects.toThrow('Something went wrong')
  const { rows } = await database.query(
    'select k.id from tenantry.api_keys k join tenantry.tenants t on t.id = tenant_id where slug = $1',
    [slug],
  )
  expect(rows).toEqual([])
  await mend()
  later(11)
  expect(await resume()).toEqual({ resumed: 1, failed: 0 })
  const made = await asOperator(key).create(input)
  expect(await callByKey(installation.dependencies, made.apiKey?.key ?? '').tenants.info()).toMatchObject({
    id: made.id,
  })
  expect((await asOperator(key).create(input)).apiKey).toEqual(made.apiKey)
  const keys = await installation.callerAs(admin, made.id).apiKeys.list({ tenantId: made.id })
  expect(keys.items).toMatchObject([{ id: made.apiKey?.id, createdBy: { id: admin.id } }])
})

test('nobody comes back without an Idempotency-Key: what the job goes on with gets no API key', async () => {
  for (const [, table, when] of steps) {
    const slug = newWord()
    const mend = await crashAt(table, when)
    const input = { name: slug, plan: 'starter', limits: { tokens: 5 }, createApiKey: true }
    await expect(asOperator().create(input)).rejects.toThrow()
    await mend()
    later(11)
    expect(await resume()).toEqual({ resumed: 1, failed: 0 })
    const { items } = await installation.callerAs(admin, slug).apiKeys.list({ tenantId: slug })
    expect(items, table).toEqual([])
  }
})

test('a tenant that was deleted while it was provisioned goes on once it is restored', async () => {
  const [slug, key] = [newWord(), newWord()]
  const input = { name: slug, limits: { tokens: 5 } }
  const mend = await crashAt('tenant_settings', 'insert on tenantry.tenant_settings for each row')
  await expect(asOperator(key).create(input)).rejects.toThrow()
  await mend()
  await asOperator().remove({ tenantId: slug })
  later(11)
  expect(await resume()).toEqual({ resumed: 0, failed: 0 })
  expect(await asOperator(key).create(input)).toMatchObject({ slug, status: 'deleting' })
  expect(await asOperator().restore({ tenantId: slug, reason: 'x' })).toMatchObject({ status: 'provisioning' })
  expect(await resume()).toEqual({ resumed: 1, failed: 0 })
  expect(await named(slug)).toMatchObject([whole])
  expect(await asOperator(key).create(input)).toMatchObject({ slug, status: 'active' })
})

test('a creation cut short before there is a tenant leaves nothing, and its name is free', async () => {
  const [slug, key] = [newWord(), newWord()]
  const mend = await crashAt('onboardings', 'insert on tenantry.onboardings for each row')
  await expect(asOperator(key).create({ name: slug })).rejects.toThrow('Something went wrong')
  expect(await named(slug)).toEqual([])
  await mend()
  expect(await asOperator(newWord()).create({ name: slug, slug })).toMatchObject({ slug })
})

test('one that fails again and again does not hold up the others', async () => {
  const [lasting, passing] = [newWord(), newWord()]
  const mend = await crashAt('memberships', 'insert on tenantry.memberships for each row')
  for (const slug of [lasting, passing]) await expect(asOperator().create({ name: slug })).rejects.toThrow()
  await mend()
  const heal = await crashAt('tenants', `update on tenantry.tenants for each row when (new.slug = '${lasting}')`)
  later(11)
  expect(await resume()).toEqual({ resumed: 1, failed: 1 })
  expect(await named(passing)).toMatchObject([{ status: 'active' }])
  expect(await named(lasting)).toMatchObject([{ status: 'provisioning' }])
  await heal()
  expect(await resume()).toEqual({ resumed: 1, failed: 0 })
})

test('a key stands for one body and one principal, for 24 hours', async () => {
  const [slug, key] = [newWord(), newWord()]
  const made = await asOperator(key).create({ name: slug })
  later(3_600)
  expect(await asOperator(key).create({ name: slug })).toEqual(JSON.parse(JSON.stringify(made)))
  await expect(asOperator(key).create({ name: newWord() })).rejects.toMatchObject({ code: 'idempotency.conflict' })
  const other = installation.callerAs({ type: 'system', name: 'import' }, undefined, { idempotencyKey: key }).tenants
  expect((await other.create({ name: newWord(), ownerEmail: admin.email })).id).not.toBe(made.id)
  later(24 * 3_600)
  expect((await asOperator(key).create({ name: slug })).slug).toBe(`${slug}-2`)
})

test('what is kept of an answer is encrypted', async () => {
  const [name, key] = [newWord(), newWord()]
  const { id } = await asOperator(key).create({ name })
  const { rows } = await database.query('select response from tenantry.onboardings where tenant_id = $1', [id])
  expect(rows).toEqual([{ response: expect.stringMatching(/^v1\.test\.[\w-]+$/) }])
})

test('a name that is taken by name while it is derived is no reason to refuse', async () => {
  const word = newWord()
  onTestFinished(async () => void (await database.query('rollback')))
  await database.query('begin; lock table tenantry.onboardings in share row exclusive mode')
  const waiting = async () => (await database.query('select from pg_locks where not granted')).rowCount
  const told = asOperator().create({ name: newWord(), slug: word })
  await expect.poll(waiting).toBe(1)
  const derived = asOperator().create({ name: word })
  await expect.poll(waiting).toBe(2)
  await database.query('commit')
  expect([(await told).slug, (await derived).slug]).toEqual([word, `${word}-2`])
})

test('while a creation is at work, the same key is told so and the job leaves it alone', async () => {
  const [slug, key] = [newWord(), newWord()]
  onTestFinished(async () => void (await database.query('rollback')))
  await database.query('begin; lock table tenantry.memberships in share row exclusive mode')
  const first = asOperator(key).create({ name: slug })
  await expect.poll(() => named(slug)).toMatchObject([{ status: 'provisioning' }])
  later(11)
  await expect(asOperator(key).create({ name: slug })).rejects.toMatchObject({
    code: 'idempotency.in_progress',
    details: { retryAfterSeconds: 1 },
  })
  expect(await resume()).toEqual({ resumed: 0, failed: 0 })
  await database.query('commit')
  const made = await first
  expect(await asOperator(key).create({ name: slug })).toEqual(JSON.parse(JSON.stringify(made)))
})

test('of many at once with one key one makes the tenant, and of many jobs one goes on', async () => {
  const [slug, key] = [newWord(), newWord()]
  const settled = await Promise.allSettled(Array.from({ length: 6 }, () => asOperator(key).create({ name: slug })))
  const codes = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
  expect(new Set([...codes, 'idempotency.in_progress'])).toEqual(new Set(['idempotency.in_progress']))
  const ids = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []))
  expect(new Set(ids).size).toBe(1)

  const mend = await crashAt('tenants', `update on tenantry.tenants for each row when (new.status = 'active')`)
  const cut = newWord()
  await expect(asOperator().create({ name: cut })).rejects.toThrow()
  await mend()
  later(11)
  const outcomes = await Promise.all([resume(), resume(), resume()])
  expect(outcomes.reduce((sum, { resumed, failed }) => sum + resumed + 10 * failed, 0)).toBeGreaterThanOrEqual(1)
  const [{ id }] = await named(cut)
  expect((await installation.auditEntries(id)).filter(({ action }) => action === 'tenant.activated')).toHaveLength(1)
})
