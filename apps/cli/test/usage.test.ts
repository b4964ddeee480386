import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  openProduct,
  type Product,
  productSources,
  sourcedText,
} from '@tenantry/control-plane/capabilities/reconciliation/service.fixture'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { environmentOf, type } from './cli.fixture.ts'

vi.setConfig({ testTimeout: 30_000 })

let product: Product
let environment: NodeJS.ProcessEnv
let folder: string
beforeAll(async () => {
  product = await openProduct()
  folder = await mkdtemp(join(tmpdir(), 'tenantry-catalogue-'))
  const catalogue = join(folder, 'plans.yaml')
  await writeFile(catalogue, sourcedText(productSources))
  environment = { ...environmentOf(product.installation), PLAN_CATALOGUE: catalogue }
})
afterAll(async () => {
  await product.close()
  await rm(folder, { recursive: true })
})

/** Of a command whose plan catalogue is not the one of the services. */
const elsewhere = () => ({ ...environment, PLAN_CATALOGUE: undefined })

const json = async (typed: string, code = 0) => {
  const ran = await type(`${typed} --json`, environment)
  expect(ran.code).toBe(code)
  return JSON.parse(ran.out)
}

test('existing tenants are migrated from the tables of the product, and a second run corrects nothing', async () => {
  const { installation, converse } = product
  const [one, two, three] = [
    await installation.createTenant(),
    await installation.createTenant(),
    await installation.createTenant(),
  ]
  const now = new Date().toISOString()
  await converse(one.id, [40, 2], now)
  await converse(two.id, [5], now)
  await converse(two.id, [99], '2020-01-31T12:00:00Z')

  const drift = await type('usage reconcile', environment)
  expect(drift).toMatchObject({ code: 1, out: expect.stringMatching(/\n3 tenants: 1 unchanged, 2 drifts\.\n$/) })
  const dry = await json('usage migrate --dry-run')
  expect(dry.counts).toEqual({ unchanged: 1, corrected: 0, drifts: 2, failed: 0 })

  const { code, out, error } = await type('usage migrate', environment)
  expect(code).toBe(0)
  const [head, ...lines] = out.trim().split('\n')
  expect(head).toMatch(/^TENANT +METER +COMPARED WITH +BEFORE +AFTER +DRIFT +LIMIT +STATE$/)
  const rows = lines.map((line) => line.split(/ {2,}/).slice(0, 6).join(' ')).slice(0, -2)
  expect(rows.toSorted()).toEqual(
    [
      `${one.slug} conversations conversations 0 2 2`,
      `${one.slug} tokens conversations 0 42 42`,
      `${two.slug} conversations conversations 0 2 2`,
      `${two.slug} tokens conversations 0 5 5`,
    ].toSorted(),
  )
  expect(lines.at(-1)).toBe('3 tenants: 1 unchanged, 2 corrected.')
  expect(error).toBe('3 tenants: 1 unchanged, 2 corrected.\n')

  expect(await type('usage migrate', environment)).toMatchObject({
    code: 0,
    out: 'None.\n\n3 tenants: 3 unchanged.\n',
  })
  expect(await type('usage reconcile', environment)).toMatchObject({ code: 0 })
  const entries = await installation.auditEntries(one.id)
  expect(entries).toContainEqual(
    expect.objectContaining({ action: 'usage.migrated', actorType: 'system', actorId: 'cli' }),
  )
  expect((await installation.auditEntries(three.id)).map(({ action }) => action)).not.toContain('usage.migrated')
})

test('only the tenants that are named are looked at, and one that fails is told while the others go on', async () => {
  const { installation, converse } = product
  const { id, slug } = await installation.createTenant()
  await converse(id, [7], new Date().toISOString())
  const ran = await type(`usage migrate --tenant nobody ${slug}`, environment)
  expect(ran).toMatchObject({ code: 1, out: expect.stringContaining('nobody failed: There is no such tenant') })
  expect(ran.out).toMatch(/\n2 tenants: 1 corrected, 1 failed\.\n$/)
  const { tenants } = await json(`usage reconcile --tenant ${slug}`)
  expect(tenants).toMatchObject([{ slug, outcome: 'unchanged', errors: [] }])
  expect(tenants[0].meters).toContainEqual(
    expect.objectContaining({ meter: 'tokens', comparedWith: 'conversations', before: 7, drift: 0 }),
  )
})

test('a run that was broken off goes on where it had come to', async () => {
  const { installation } = product
  const [older, newer] = [await installation.createTenant(), await installation.createTenant()]
  const { tenants } = await json(`usage reconcile --cursor ${newer.id}`)
  const ids = tenants.map(({ tenantId }: { tenantId: string }) => tenantId)
  expect(ids).toContain(older.id)
  expect(ids).not.toContain(newer.id)
})

test('a source that must not be read is told with the reason, and the exit code', async () => {
  const { admin } = product
  await admin.query('alter table tenantry.conversations no force row level security')
  try {
    expect(await type('usage reconcile', environment)).toMatchObject({
      code: 1,
      out: expect.stringContaining('tokens was left alone: tenantry.conversations has no forced row-level security.'),
    })
  } finally {
    await admin.query('alter table tenantry.conversations force row level security')
  }
})

test('a command with another plan catalogue than the services have changes no limit, and says what to do', async () => {
  const { installation, admin } = product
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  await caller.usage.consume({ tenantId: 'current', metric: 'pipeline_runs' })
  const kept = async () => ({
    revisions: (await admin.query('select * from tenantry.catalogue_revisions order by revision')).rows,
    accounts: (await admin.query('select * from tenantry.usage_accounts order by tenant_id')).rows,
    limits: (await admin.query('select * from tenantry.effective_limits order by tenant_id, meter')).rows,
  })
  const newcomer = await installation.createUser()
  const before = await kept()
  for (const typed of [
    'usage migrate',
    'usage migrate --dry-run',
    `usage reconcile --tenant ${tenant.slug}`,
    `member add ${tenant.slug} ${newcomer.id} --role viewer`,
    `limits show ${tenant.slug}`,
    `limits set ${tenant.slug} tokens 5 --reason Contract`,
    `limits grant ${tenant.slug} tokens 5 --reason Contract`,
    'limits requests',
    `limits decide ${tenant.slug} ${newcomer.id} declined --reason Contract`,
  ])
    expect(await type(typed, elsewhere())).toMatchObject({
      code: 1,
      error: expect.stringMatching(
        /another plan catalogue than this process.*PLAN_CATALOGUE.*\(catalogue\.not_in_force\)/,
      ),
    })
  expect(await kept()).toEqual(before)
  expect(await type(`usage migrate --tenant ${tenant.slug}`, environment)).toMatchObject({ code: 0 })
})

test('where no service has started yet, the plan catalogue of the first command holds', async () => {
  const { admin } = product
  await admin.query('create temporary table kept as select * from tenantry.catalogue_revisions')
  await admin.query('delete from tenantry.catalogue_revisions')
  try {
    expect(await type('usage migrate --tenant nobody', elsewhere())).toMatchObject({
      out: expect.stringContaining('nobody failed: There is no such tenant'),
    })
    expect((await admin.query('select revision from tenantry.catalogue_revisions')).rows).toEqual([{ revision: 1 }])
  } finally {
    await admin.query('delete from tenantry.catalogue_revisions')
    await admin.query('insert into tenantry.catalogue_revisions select * from kept')
    await admin.query('drop table kept')
  }
})

test('what was done is shown where a later page fails, in one document', async () => {
  const { installation, converse, admin } = product
  for (let count = 0; count < 21; count += 1) await installation.createTenant()
  await admin.query(`create temporary table kept as select * from tenantry.catalogue_revisions;
    create function tenantry.reload_meanwhile() returns trigger language plpgsql security definer as $$
      begin
        insert into tenantry.catalogue_revisions select max(revision) + 1, 'another', now() from tenantry.catalogue_revisions;
        return null;
      end $$;
    create trigger reload_meanwhile after insert on tenantry.audit_entries for each row when (new.action = 'usage.migrated')
      execute function tenantry.reload_meanwhile()`)
  const migrate = async (typed: string) => {
    const { id, slug } = await installation.createTenant()
    await converse(id, [7], new Date().toISOString())
    const ran = await type(typed, environment)
    await admin.query('delete from tenantry.catalogue_revisions')
    await admin.query('insert into tenantry.catalogue_revisions select * from kept')
    expect(ran.code).toBe(1)
    return { ...ran, slug }
  }
  try {
    const { slug, out, error } = await migrate('usage migrate')
    expect(out).toMatch(new RegExp(`${slug} +tokens +conversations +0 +7 +7`))
    expect(out).toMatch(/20 tenants: 1 corrected, 19 failed\.\n$/)
    expect(error).toMatch(/To go on from here: --cursor \S+\n.* \(catalogue\.not_in_force\)\n$/)
    const other = await migrate('usage migrate --json')
    const { counts, tenants, error: told } = JSON.parse(other.out)
    expect(counts).toMatchObject({ corrected: 1, failed: 19 })
    expect(tenants[0]).toMatchObject({ slug: other.slug, outcome: 'corrected' })
    expect(told).toMatchObject({ code: 'catalogue.not_in_force' })
  } finally {
    await admin.query('drop function tenantry.reload_meanwhile() cascade; drop table kept')
  }
})

test('a wrong value is told by its option, before anything is opened', async () => {
  const many = Array.from({ length: 101 }, (_, number) => `tenant-${number}`).join(' ')
  expect(await type(`usage reconcile --tenant ${many} ${'x'.repeat(500)}`, {})).toMatchObject({
    code: 2,
    error: expect.stringMatching(/\n {2}--tenant: Expected a text of 1 to 128 characters/),
  })
  expect(await type(`usage migrate --tenant acme --cursor ${crypto.randomUUID()}`, {})).toMatchObject({
    code: 2,
    error: expect.stringMatching(/'--cursor <cursor>' cannot be used with option '--tenant/),
  })
  expect(await type('usage migrate --cursor soon', {})).toMatchObject({
    code: 2,
    error: expect.stringMatching(/\n {2}--cursor: Expected the nextCursor/),
  })
})
