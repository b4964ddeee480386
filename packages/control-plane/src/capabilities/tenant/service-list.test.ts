import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { allTenantsQuery, type TenantFilter } from './repository.ts'

let installation: TestInstallation
let admin: pg.Client
beforeAll(async () => {
  installation = await openTestInstallation()
  admin = new pg.Client(installation.testDatabase.adminUrl)
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await installation.close()
})

const newWord = () => `w${randomBytes(6).toString('hex')}`
const idsOf = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id)

describe('a user', () => {
  test('sees the tenants of their memberships and what is below the inheritable ones, with role and origin', async () => {
    const root = await installation.createTenant()
    const child = await installation.createTenant({ parent: root })
    const grandchild = await installation.createTenant({ parent: child })
    const { tenant: other } = await installation.enter()
    const below = await installation.createTenant({ parent: other })
    const user = await installation.createMember(root.id, 'admin')
    await installation.addMember(grandchild.id, user.id, 'owner')
    await installation.addMember(other.id, user.id, 'viewer')

    const { items, nextCursor } = await installation.callerAs(user).tenants.list({})
    expect(items.map(({ id, role, inheritedFrom }) => ({ id, role, inheritedFrom }))).toEqual([
      { id: other.id, role: 'viewer', inheritedFrom: null },
      { id: grandchild.id, role: 'owner', inheritedFrom: null },
      { id: child.id, role: 'admin', inheritedFrom: root.id },
      { id: root.id, role: 'admin', inheritedFrom: null },
    ])
    expect(nextCursor).toBeNull()
    expect(idsOf({ items })).not.toContain(below.id)
    const pages = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await installation.callerAs(user).tenants.list({ limit: 1, ...(cursor ? { cursor } : {}) })
      pages.push(...idsOf(page))
      cursor = page.nextCursor
    }
    expect(pages).toEqual(idsOf({ items }))
  })

  test('finds nothing of other tenants, whatever is asked for', async () => {
    const { tenant: victim } = await installation.enter()
    const child = await installation.createTenant({ parent: victim })
    const { user, tenant } = await installation.enter()
    const list = (input: object) => installation.callerAs(user).tenants.list(input)
    for (const input of [{ q: victim.slug }, { parentId: victim.id }, { cursor: victim.id, q: child.slug }]) {
      expect(idsOf(await list(input))).toEqual([])
    }
    expect(idsOf(await list({ q: tenant.slug }))).toEqual([tenant.id])
  })

  test('narrows the list by state, plan, parent, tag and beginning', async () => {
    const { tenant, user, caller } = await installation.enter({ plan: 'starter' })
    const child = await installation.createTenant({ parent: tenant, status: 'suspended' })
    await caller.tenants.update({ tenantId: tenant.id, tags: ['pilot'] })
    const list = async (input: object) => idsOf(await installation.callerAs(user).tenants.list(input))
    expect(await list({ status: 'suspended' })).toEqual([child.id])
    expect(await list({ plan: 'starter' })).toEqual([tenant.id])
    expect(await list({ parentId: tenant.id })).toEqual([child.id])
    expect(await list({ tag: 'pilot' })).toEqual([tenant.id])
    expect(await list({ q: child.slug.toUpperCase() })).toEqual([child.id])
  })
})

describe('a platform admin', () => {
  const list = (input: object = {}) => installation.callerAs(operator).tenants.list(input)

  test('sees every tenant once, page by page, the newest first, while others come in', async () => {
    const q = newWord()
    const made = []
    for (let index = 0; index < 7; index++) made.push(await installation.createTenant({ slug: `${q}-${index}` }))
    const first = await list({ q, limit: 3 })
    await installation.createTenant({ slug: `${q}-late` })
    const second = await list({ q, limit: 3, cursor: first.nextCursor })
    const third = await list({ q, limit: 3, cursor: second.nextCursor })
    expect([first, second, third].flatMap(idsOf)).toEqual(made.map(({ id }) => id).reverse())
    expect(third.nextCursor).toBeNull()
    expect(first.items[0]).toMatchObject({ role: null, inheritedFrom: null, slug: `${q}-6` })
  })

  test('narrows the list by state, plan, parent and tag, and never sees what was purged', async () => {
    const q = newWord()
    const parent = await installation.createTenant({ slug: q, plan: 'starter' })
    const child = await installation.createTenant({ slug: `${q}-child`, parent, status: 'suspended' })
    await installation.createTenant({ slug: `${q}-gone`, parent, status: 'purged' })
    await installation.callerAs(operator).tenants.update({ tenantId: parent.id, tags: [`tag-${q}`] })
    expect(idsOf(await list({ q }))).toEqual([child.id, parent.id])
    expect(idsOf(await list({ q, status: 'suspended' }))).toEqual([child.id])
    expect(idsOf(await list({ q, plan: 'starter' }))).toEqual([parent.id])
    expect(idsOf(await list({ parentId: parent.id }))).toEqual([child.id])
    expect(idsOf(await list({ tag: `tag-${q}` }))).toEqual([parent.id])
  })

  test('finds a tenant by the beginning of name, slug, contactEmail and externalId, in any letter case', async () => {
    const [slug, name, mail, external] = [newWord(), newWord(), newWord(), newWord()]
    const { id } = await installation.createTenant({ slug })
    const contactEmail = `${mail}.Billing@Example.com`
    await installation
      .callerAs(operator)
      .tenants.update({ tenantId: id, name: `${name}_100% ÄPFEL`, contactEmail, externalId: `${external}_X` })
    const found = [slug, `${name}_100% äpfel`, `${mail}.billing@ex`, external]
    for (const q of found)
      for (const typed of [q, q.toUpperCase()]) expect(idsOf(await list({ q: typed }))).toEqual([id])
    for (const q of [slug.slice(1), `${name}%100`, `${name.slice(0, -1)}_`, '%', "' or true --"])
      expect(idsOf(await list({ q }))).not.toContain(id)
  })

  test('searches by index, not by reading every tenant', async () => {
    const q = newWord()
    await admin.query(
      `insert into tenantry.tenants (id, slug, name, contact_email, created_at, updated_at)
       select gen_random_uuid(), $1 || '-' || n, 'Many ' || n, 'many@people.test', now(), now() from generate_series(1, 20000) n`,
      [q],
    )
    await admin.query('analyze tenantry.tenants')
    const planOf = (filter: TenantFilter) => {
      const { sql, values } = allTenantsQuery({ filter, after: null, limit: 51 })
      return installation.database.platformUnit({ actor: operator, readOnly: true }, async (em) =>
        JSON.stringify(await em.execute(`explain ${sql}`, values)),
      )
    }
    expect(idsOf(await list({ q: `${q}-12345` }))).toHaveLength(1)
    const plan = await planOf({ q: `${q}-12345` })
    for (const key of ['name', 'slug', 'contact_email', 'external_id'])
      expect(plan).toContain(`tenants_${key}_key_index`)
    expect(await planOf({ status: 'suspended' })).toContain('tenants_status_id_index')
    expect(await planOf({})).toMatch(/Index Scan Backward using tenants_pkey/)
  })
})

test('a cursor that is none, and a state that nobody sees, are refused by name', async () => {
  const { user } = await installation.enter()
  for (const [path, input] of Object.entries({ cursor: { cursor: "1' or true" }, status: { status: 'purged' } })) {
    const answer = installation.callerAs(user).tenants.list(input as object)
    await expect(answer).rejects.toMatchObject({ code: 'request.invalid', details: { issues: [{ path }] } })
  }
})

test('the list is for people and operators; a service is refused', async () => {
  const service = installation.callerAs({ type: 'service', name: 'billing' })
  await expect(service.tenants.list({})).rejects.toMatchObject({ code: 'auth.permission_denied' })
  const job = installation.callerAs({ type: 'system', name: 'retention' })
  await expect(job.tenants.list({ limit: 1 })).resolves.toMatchObject({ items: [{ role: null }] })
})
