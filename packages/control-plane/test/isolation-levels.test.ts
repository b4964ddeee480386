import { type EntityManager, MikroORM } from '@mikro-orm/postgresql'
import { tenantGuard } from '@tenantry/kernel/tenancy/tenant-guard'
import { tenantQuery } from '@tenantry/kernel/tenancy/tenant-query'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AuditEntry, PlatformAuditEntry } from '../src/capabilities/audit/entity.ts'
import { Tenant } from '../src/capabilities/tenant/entity.ts'
import { entities, tenantTables } from '../src/entities.ts'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { type Campaign, openCampaign } from './isolation-attacker.fixture.ts'
import { fingerprint } from './isolation-rows.fixture.ts'

/** One with all levels, one whose database has forgotten the second and third. */
let installations: TestInstallation[]
let guarded: Campaign
let bare: Campaign

beforeAll(async () => {
  installations = [await openTestInstallation(), await openTestInstallation()]
  const [first, second] = installations as [TestInstallation, TestInstallation]
  guarded = await openCampaign(first)
  bare = await openCampaign(second)
  for (const { name, kind } of bare.tables) {
    if (kind !== 'table') continue
    await bare.admin.query(`alter table ${name} disable row level security, no force row level security`)
    await bare.admin.query(`grant select, insert, update, delete on ${name} to tenantry_app`)
  }
})

afterAll(async () => {
  for (const campaign of [guarded, bare]) await campaign[Symbol.asyncDispose]()
  for (const installation of installations) await installation.close()
})

const scoped = [...tenantTables, Tenant] as const
type Scoped = (typeof scoped)[number]

/** The tables have no property in common that the types could see, so each stands for all. */
const asTenant = (entity: Scoped) => entity as unknown as typeof Tenant
const ownerOf = (row: unknown, entity: Scoped) =>
  (row as Record<string, unknown>)[entity === Tenant ? 'id' : 'tenantId']
const foreignTo = (campaign: Campaign, entity: Scoped) => ({
  [entity === Tenant ? 'id' : 'tenantId']: campaign.victim.id,
})

const asAttacker = <Result>(campaign: Campaign, work: (em: EntityManager) => Promise<Result>) =>
  campaign.installation.database.tenantUnit(
    { tenantId: campaign.attacker.id, actor: { type: 'system', name: 'test' }, readOnly: false },
    work,
  )

async function expectUnchanged(campaign: Campaign, work: () => Promise<unknown>): Promise<void> {
  const before = await fingerprint(campaign.admin, campaign.tables, campaign.victim.id)
  await work()
  expect(await fingerprint(campaign.admin, campaign.tables, campaign.victim.id)).toBe(before)
}

test('with row-level security off raw SQL sees both tenants, so that the filter has something to hold back', async () => {
  const rows = await asAttacker(bare, (em) => em.execute<{ id: string }[]>('select id from tenantry.tenants'))
  expect(rows.map(({ id }) => id).sort()).toEqual([bare.attacker.id, bare.victim.id].sort())
})

test.each(scoped.map((entity) => [entity.name, entity] as const))(
  'level one alone: reads of %s return the bound tenant’s rows only',
  async (_, entity) => {
    const table = asTenant(entity)
    const foreign = foreignTo(bare, entity)
    await asAttacker(bare, async (em) => {
      const found = [
        ...(await em.find(table, {})),
        ...(await em.findAll(table)),
        ...(await em.find(table, { $or: [foreign, { $not: foreign }] })),
        ...(await em.findAndCount(table, {}))[0],
      ]
      expect(new Set(found.map((row) => ownerOf(row, entity)))).toEqual(new Set([bare.attacker.id]))
      expect(await em.find(table, foreign)).toEqual([])
      expect(await em.findOne(table, foreign)).toBeNull()
      expect(await em.count(table, foreign)).toBe(0)
      expect(await em.count(table)).toBe(1)
    })
  },
)

test.each(scoped.map((entity) => [entity.name, entity] as const))(
  'level one alone: writes of %s leave another tenant’s rows as they are',
  async (_, entity) => {
    const table = asTenant(entity)
    const foreign = foreignTo(bare, entity)
    const theirs = await foreignRow(table, foreign)
    await expectUnchanged(bare, async () => {
      await asAttacker(bare, async (em) => {
        expect(await em.nativeUpdate(table, foreign, foreign)).toBe(0)
        expect(await em.nativeDelete(table, foreign)).toBe(0)
      })
      const writes: ((em: EntityManager) => Promise<unknown>)[] = [
        (em) => em.persist(em.create(table, theirs)).flush(),
        (em) => em.upsert(table, theirs),
        (em) => em.upsertMany(table, [theirs]),
        (em) => em.remove(em.map(table, theirs)).flush(),
      ]
      for (const write of writes) {
        await expect(asAttacker(bare, write)).rejects.toThrow('another tenant')
      }
    })
  },
)

/** A row of the victim's as the ORM sees it where no tenant is bound. */
async function foreignRow(table: typeof Tenant, where: object): Promise<never> {
  const operator = { type: 'system', name: 'test' } as const
  const row = await bare.installation.database.platformUnit({ actor: operator, readOnly: true }, (em) =>
    em.findOneOrFail(table, where, { disableIdentityMap: true }),
  )
  return { ...row } as never
}

test('level one throws where no tenant is bound', async () => {
  const { urls } = bare.installation.testDatabase
  const orm = await MikroORM.init({
    clientUrl: urls.tenantry_app,
    entities,
    schema: 'tenantry',
    subscribers: [tenantGuard],
  })
  try {
    for (const entity of scoped) {
      const em = orm.em.fork()
      await expect(em.find(asTenant(entity), {}), entity.name).rejects.toThrow(/filter 'tenant'/)
      await expect(em.nativeDelete(asTenant(entity), {}), entity.name).rejects.toThrow(/filter 'tenant'/)
    }
  } finally {
    await orm.close(true)
  }
})

test.each(['', 'null', 'undefined', '*', '00000000', null, undefined])(
  'a tenant unit of work refuses %j as a tenant',
  async (tenantId) => {
    const { database } = bare.installation
    const unit = { tenantId: tenantId as string, actor: { type: 'system', name: 'test' } as const, readOnly: true }
    await expect(database.tenantUnit(unit, async () => 'entered')).rejects.toThrow('needs the id of a tenant')
  },
)

test('levels two and three alone: without the filter the ORM reaches no other tenant either', async () => {
  await expectUnchanged(guarded, async () => {
    for (const entity of scoped) {
      const table = asTenant(entity)
      const foreign = foreignTo(guarded, entity)
      await asAttacker(guarded, async (em) => {
        const rows = await em.find(table, {}, { filters: false })
        expect(new Set(rows.map((row) => ownerOf(row, entity))), entity.name).toEqual(new Set([guarded.attacker.id]))
        expect(await em.count(table, foreign, { filters: false }), entity.name).toBe(0)
      }).catch((error) => expect(error, entity.name).toMatchObject({ code: '42501' }))
      for (const write of [
        (em: EntityManager) => em.nativeUpdate(table, foreign, foreign, { filters: false }),
        (em: EntityManager) => em.nativeDelete(table, foreign, { filters: false }),
      ]) {
        const touched = await asAttacker(guarded, write).catch((error) => {
          expect(error, entity.name).toMatchObject({ code: '42501' })
          return 0
        })
        expect(touched, entity.name).toBe(0)
      }
    }
  })
})

test('levels two and three alone: a row of another tenant is not inserted past the guard of the ORM', async () => {
  const entry = {
    id: crypto.randomUUID(),
    at: new Date(),
    action: 'a',
    outcome: 'success' as const,
    actorType: 'user',
    requestId: 'r',
  }
  await expectUnchanged(guarded, async () => {
    await expect(
      asAttacker(guarded, (em) => em.insert(AuditEntry, { ...entry, tenantId: guarded.victim.id })),
    ).rejects.toMatchObject({ code: '42501' })
  })
  await asAttacker(guarded, (em) => em.insert(AuditEntry, { ...entry, tenantId: guarded.attacker.id }))
})

test.each(scoped.map((entity) => [entity.name, entity] as const))(
  'level one alone: SQL over %s reads the bound tenant’s rows only',
  async (_, entity) => {
    const query = tenantQuery<Record<string, unknown>>({ own: entity }, 'select * from own')
    const rows = await bare.installation.database.tenantRead({ tenantId: bare.attacker.id }, query)
    const column = entity === Tenant ? 'id' : 'tenant_id'
    expect(rows.map((row) => row[column])).toEqual([bare.attacker.id])
  },
)

test('levels two and three alone: a statement without the tenant’s condition reads the bound tenant’s rows only', async () => {
  const { database } = guarded.installation
  const everything = { text: 'select id from tenantry.tenants where $1::text is not null' }
  expect(await database.tenantRead({ tenantId: guarded.attacker.id }, everything)).toEqual([
    { id: guarded.attacker.id },
  ])
  const asUser = { text: 'select id from tenantry.tenants' }
  expect(await database.userRead(guarded.attacker.user.id, asUser)).toEqual([])
})

test('a single read can neither write nor leave its tenant behind', async () => {
  const { database } = guarded.installation
  const unit = { tenantId: guarded.attacker.id }
  const write = { text: 'with gone as (delete from tenantry.events where tenant_id = $1 returning 1) select from gone' }
  await expect(database.tenantRead(unit, write)).rejects.toMatchObject({ code: '25006' })
  const reopen = { text: `select set_config('transaction_read_only', 'off', true), $1::text from tenantry.tenants` }
  await expect(database.tenantRead(unit, reopen)).rejects.toMatchObject({ code: '25001' })
  const left = { text: 'select tenancy.current_tenant() as tenant' }
  for (let call = 0; call < 5; call++) {
    expect(await database.userRead(guarded.attacker.user.id, left)).toEqual([{ tenant: null }])
  }
})

test('a query is refused where it is written if it could read past its sources', () => {
  expect(() => tenantQuery({ own: Tenant }, 'select * from tenantry.tenants')).toThrow('tenantry.tenants')
  expect(() => tenantQuery({ own: Tenant }, 'select * from own join memberships on true')).toThrow('memberships')
  expect(() => tenantQuery({ own: Tenant }, 'select * from own, tenantry.memberships')).toThrow('join')
  const hidden = 'select * from own where exists (select from own o join own p on o.id = p.id, tenantry.memberships)'
  expect(() => tenantQuery({ own: Tenant }, hidden)).toThrow('join')
  expect(() => tenantQuery({ own: Tenant }, 'table tenantry.memberships')).toThrow('tenantry.memberships')
  expect(() => tenantQuery({ log: PlatformAuditEntry }, 'select * from log')).toThrow(
    'PlatformAuditEntry has no tenant',
  )
})
