import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fingerprint } from '../../../test/isolation-rows.fixture.ts'
import { operator } from '../../testing.ts'
import { purgeBatch } from './repository.ts'
import { purgeDue } from './service/purge.ts'
import { asOperator, day, openPurgeTrial, type PurgeTrial, purgeUnit } from './service.fixture.ts'

let trial: PurgeTrial
beforeAll(async () => {
  trial = await openPurgeTrial()
})
beforeEach(() => trial.travelTo(0))
afterAll(() => trial.close())

describe('a purge', () => {
  test('leaves no row of the tenant in any tenant table, and every row of the others', async () => {
    const [tenant, other] = [await trial.createFullTenant(), await trial.createFullTenant()]
    await trial.removed(tenant)
    const otherBefore = await fingerprint(trial.admin, trial.tables, other.id)
    const counted = await trial.rowsOf(tenant.id)
    for (const name of trial.names) expect(counted[name], name).toBeGreaterThan(0)

    expect(await purgeDue(trial.dependencies)).toEqual({ purged: 1, failed: 0, unfinished: 0 })

    for (const [name, count] of Object.entries(await trial.rowsOf(tenant.id))) expect(count, name).toBe(0)
    expect(await fingerprint(trial.admin, trial.tables, other.id)).toBe(otherBefore)

    const report = await asOperator(trial).deletionReports.get({ tenantId: tenant.id })
    expect(report).toMatchObject({
      tenantId: tenant.id,
      requestedBy: `platformAdmin:${operator.id}`,
      completedAt: expect.any(String),
      tables: trial.names.map((table) => ({ table, counted: counted[table], deleted: counted[table], left: 0 })),
    })
    expect(Date.parse(report.deleteAfter) - Date.parse(report.requestedAt)).toBe(30 * day)
  })

  test('frees the names of the tenant and leaves nothing in its row that says whose it was', async () => {
    const tenant = await trial.createFullTenant()
    const operators = asOperator(trial).tenants
    await trial.admin.query(
      `update tenantry.tenants set organization_type = 'bakery', website_url = 'https://acme.example', tags = '{a}',
              timezone = 'Europe/Berlin', former_timezones = '[{"timezone":"UTC","until":"2026-01-01T00:00:00Z"}]' where id = $1`,
      [tenant.id],
    )
    await operators.update({ tenantId: tenant.id, externalId: `ext-${tenant.slug}` })
    await operators.suspend({ tenantId: tenant.id, reason: 'unpaid' })
    await trial.removed(tenant)
    expect(await trial.purge(tenant.id)).toBe('purged')

    const { id, plan, path, parent_id, created_at, version, updated_at, name_key, slug_key, ...blanked } =
      await trial.rowOf(tenant.id)
    // A column that is added to the table has to be looked at here.
    expect(Object.fromEntries(Object.entries(blanked).filter(([name]) => !name.endsWith('_key')))).toEqual({
      slug: `purged ${tenant.id}`,
      external_id: null,
      name: 'Purged tenant',
      contact_email: '',
      organization_type: null,
      website_url: null,
      timezone: 'UTC',
      former_timezones: [],
      tags: [],
      status: 'purged',
      status_reason: null,
      status_until: null,
      delete_after: null,
      removal: null,
    })
    expect(id).toBe(tenant.id)
    await expect(operators.get({ tenantId: tenant.id })).rejects.toMatchObject({ code: 'tenant.not_found' })
    await expect(operators.get({ tenantId: tenant.slug })).rejects.toMatchObject({ code: 'tenant.not_found' })
    const heir = await trial.createTenant({ slug: tenant.slug })
    await operators.update({ tenantId: heir.id, externalId: `ext-${tenant.slug}` })
    await expect(operators.restore({ tenantId: tenant.id, reason: 'x' })).rejects.toMatchObject({
      code: 'tenant.not_found',
    })
  })

  test('is not kept out by another tenant that takes the name it would leave behind', async () => {
    const victim = await trial.createFullTenant()
    const other = await trial.enter()
    for (const name of [`purged-${victim.id.replaceAll('-', '')}`, `purged ${victim.id}`])
      await other.caller.tenants.update({ tenantId: other.tenant.id, externalId: name }).catch(() => undefined)
    await trial.removed(victim)
    expect(await trial.purge(victim.id)).toBe('purged')
    const { slug } = await trial.rowOf(victim.id)
    await expect(
      other.caller.tenants.update({ tenantId: other.tenant.id, externalId: String(slug) }),
    ).rejects.toMatchObject({ code: 'request.invalid' })
  })

  test('goes on after a crash, batch after batch, and counts each row once', async () => {
    const tenant = await trial.createFullTenant()
    await trial.admin.query(
      `insert into tenantry.usage_daily (tenant_id, meter, day, used, events)
       select $1, 'many', date '2020-01-01' + n, 1, 1 from generate_series(1, 950) n`,
      [tenant.id],
    )
    await trial.removed(tenant)
    const counted = await trial.rowsOf(tenant.id)
    const reports = asOperator(trial).deletionReports

    const [first, second] = [await trial.batch(tenant.id, 1), await trial.batch(tenant.id, 1)]
    expect([first, second]).toEqual(Array(2).fill({ outcome: 'deleted', deleted: 1 }))
    expect(await reports.get({ tenantId: tenant.id })).toMatchObject({ completedAt: null, hash: null })
    // The transaction of a process that dies: what it deleted is there again, and not counted.
    const crash = trial.database.tenantUnit(purgeUnit(tenant.id), async (em) => {
      await purgeBatch(em, 100)
      throw new Error('killed')
    })
    await expect(crash).rejects.toThrow('killed')
    let calls = 0
    for (let done = false; !done; calls++) done = (await trial.batch(tenant.id, 100)).outcome === 'purged'
    expect(calls).toBeGreaterThan(10)
    const { tables: told } = await reports.get({ tenantId: tenant.id })
    expect(told).toEqual(
      trial.names.map((table) => ({ table, counted: counted[table], deleted: counted[table], left: 0 })),
    )
  })

  test('by several processes at once ends well, and is told once', async () => {
    const tenant = await trial.createFullTenant()
    await trial.removed(tenant)
    const counted = await trial.rowsOf(tenant.id)
    const outcomes = await Promise.all([1, 2, 3].map(() => purgeDue(trial.dependencies, { rowsPerBatch: 1 })))
    expect(outcomes.map(({ purged }) => purged).sort()).toEqual([0, 0, 1])
    expect(outcomes.map(({ failed }) => failed)).toEqual([0, 0, 0])
    const { tables: told } = await asOperator(trial).deletionReports.get({ tenantId: tenant.id })
    expect(told.map(({ deleted }) => deleted)).toEqual(trial.names.map((table) => counted[table]))
    const log = (await trial.platformAuditEntries()).filter((entry) => entry.concernsTenantId === tenant.id)
    expect(log.filter(({ action }) => action === 'tenant.purged')).toHaveLength(1)
  })

  test('that runs out of time says so, and the next run goes on', async () => {
    const tenant = await trial.createFullTenant()
    await trial.removed(tenant)
    expect(await purgeDue(trial.dependencies, { until: new Date(0) })).toEqual({
      purged: 0,
      failed: 0,
      unfinished: 1,
    })
    expect(await purgeDue(trial.dependencies)).toEqual({ purged: 1, failed: 0, unfinished: 0 })
  })

  test('of a large tenant holds up no small one', async () => {
    const [large, small] = [await trial.createFullTenant(), await trial.createTenant()]
    await trial.admin.query(
      `insert into tenantry.usage_daily (tenant_id, meter, day, used, events)
       select $1, 'many', date '2020-01-01' + n, 1, 1 from generate_series(1, 400) n`,
      [large.id],
    )
    await trial.removed(large, 40)
    await trial.removed(small, 35)
    let calls = 0
    const { clock, ...dependencies } = trial.dependencies
    // Time is up once every tenant has had some turns.
    const passing = { now: () => (calls++ < 40 ? clock.now() : new Date(8_640_000_000_000_000)) }
    const until = new Date(Date.now() + 3_600_000)
    const outcome = await purgeDue({ ...dependencies, clock: passing }, { rowsPerBatch: 1, until })
    expect(outcome).toMatchObject({ purged: 1, unfinished: 1 })
    expect((await trial.rowOf(small.id)).status).toBe('purged')
    await trial.purge(large.id)
  })

  test('begins with the tenants at the bottom: none goes before those below it', async () => {
    const parent = await trial.createTenant()
    const child = await trial.createTenant({ parent })
    await trial.removed(child, 35)
    await trial.removed(parent, 34)
    await trial.admin.query('update tenantry.tenants set delete_after = now() + $2::interval where id = $1', [
      child.id,
      '1 day',
    ])
    expect(await trial.purge(parent.id)).toBe('has_children')
    expect(await purgeDue(trial.dependencies)).toMatchObject({ purged: 0 })
    // The clocks of the two need not agree to the millisecond.
    await trial.admin.query(`update tenantry.tenants set delete_after = now() - interval '1 s' where id = $1`, [
      child.id,
    ])
    await purgeDue(trial.dependencies)
    await purgeDue(trial.dependencies)
    expect([(await trial.rowOf(child.id)).status, (await trial.rowOf(parent.id)).status]).toEqual(['purged', 'purged'])
  })

  test('of one that fails does not hold up the others', async () => {
    const [broken, sound] = [await trial.createFullTenant(), await trial.createFullTenant()]
    await trial.removed(broken, 40)
    await trial.removed(sound, 35)
    await trial.admin.query(`create table tenantry.held (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));
      create function tenantry.hold() returns trigger language plpgsql as $$ begin
        if old.tenant_id = '${broken.id}' then raise exception 'held'; end if; return old; end $$;
      create trigger hold before delete on tenantry.memberships for each row execute function tenantry.hold()`)
    await trial.admin.query('drop table tenantry.held')
    try {
      expect(await purgeDue(trial.dependencies)).toMatchObject({ purged: 1, failed: 1 })
    } finally {
      await trial.admin.query('drop function tenantry.hold() cascade')
    }
    expect((await trial.rowOf(sound.id)).status).toBe('purged')
    await trial.purge(broken.id)
  })
})

describe('a purge fails closed', () => {
  test.each([
    ['active', undefined],
    ['suspended', undefined],
    ['within its retention', 29],
  ])('for a tenant that is %s', async (state, daysAgo) => {
    const tenant = await trial.createFullTenant()
    if (state === 'suspended') await asOperator(trial).tenants.suspend({ tenantId: tenant.id, reason: 'unpaid' })
    if (daysAgo !== undefined) await trial.removed(tenant, daysAgo)
    const before = await fingerprint(trial.admin, trial.tables, tenant.id)
    // Whatever the clock of the process says: the database has its own.
    trial.travelTo(365)
    expect(await trial.purge(tenant.id)).toBe('not_due')
    expect(await purgeDue(trial.dependencies)).toEqual({ purged: 0, failed: 0, unfinished: 0 })
    expect(await fingerprint(trial.admin, trial.tables, tenant.id)).toBe(before)
    await trial.admin.query(`update tenantry.tenants set status = 'active', delete_after = null where id = $1`, [
      tenant.id,
    ])
  })

  test('for the application, for nobody’s context and for another tenant’s', async () => {
    const tenant = await trial.createFullTenant()
    await trial.removed(tenant)
    const asApplication = trial.database.tenantUnit(
      { tenantId: tenant.id, actor: { type: 'system', name: 'x' }, readOnly: false },
      (em) => purgeBatch(em, 10),
    )
    await expect(asApplication).rejects.toMatchObject({ code: '42501' })
    const withoutTenant = trial.database.platformUnit({ actor: operator, readOnly: false }, (em) => purgeBatch(em, 10))
    await expect(withoutTenant).rejects.toMatchObject({ code: '42501' })
    expect((await trial.rowsOf(tenant.id))['tenantry.memberships']).toBeGreaterThan(0)
    expect(await trial.purge(tenant.id)).toBe('purged')
  })

  test('where it would be blind for a table of tenants', async () => {
    const tenant = await trial.createFullTenant()
    await trial.removed(tenant)
    await trial.admin.query(`create table tenantry.notes (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));
      alter table tenantry.notes owner to tenantry_owner; alter table tenantry.notes enable row level security;
      alter table tenantry.notes force row level security; grant select, delete on tenantry.notes to tenantry_lifecycle`)
    await trial.admin.query('insert into tenantry.notes values ($1, gen_random_uuid())', [tenant.id])
    await expect(trial.purge(tenant.id)).rejects.toThrow(/tenantry\.notes/)
    const { rows } = await trial.admin.query('select count(*)::int as count from tenantry.notes')
    expect(rows).toEqual([{ count: 1 }])

    // As its migration should have said it: then it is purged like every other.
    await trial.admin.query(`create policy tenant_purge on tenantry.notes to tenantry_lifecycle
      using (tenant_id = (select tenancy.current_tenant())) with check (tenant_id = (select tenancy.current_tenant()))`)
    await trial.purge(tenant.id)
    const { tables: told } = await asOperator(trial).deletionReports.get({ tenantId: tenant.id })
    expect(told).toContainEqual({ table: 'tenantry.notes', counted: 1, deleted: 1, left: 0 })
    await trial.admin.query('drop table tenantry.notes')
  })

  test('tables are emptied before those they refer to, whatever their names', async () => {
    await trial.admin.query(`create table tenantry.a_parents (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id));
      create table tenantry.z_children (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id),
        foreign key (tenant_id, id) references tenantry.a_parents (tenant_id, id));
      create table tenantry.b_grandchildren (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id),
        foreign key (tenant_id, id) references tenantry.z_children (tenant_id, id))`)
    const { rows } = await trial.admin.query('select t::text as name from lifecycle.tenant_tables() t')
    const names = rows.map(({ name }) => name)
    const family = ['tenantry.b_grandchildren', 'tenantry.z_children', 'tenantry.a_parents']
    expect(names.filter((name) => family.includes(name))).toEqual(family)
    await trial.admin.query('drop table tenantry.a_parents, tenantry.z_children, tenantry.b_grandchildren')
  })
})
