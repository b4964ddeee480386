import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { asAdmin } from '../event/service.fixture.ts'
import { allRequestsQuery } from './repository.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const current = { tenantId: 'current' }
const asking = { reason: 'We grow', value: 'unlimited' } as const
const list = (input: Parameters<ReturnType<typeof installation.callerAs>['limits']['allRequests']>[0] = {}) =>
  installation.callerAs(operator).limits.allRequests(input)

test('operators see what all tenants ask for, the newest first and page by page, and whom they decide on', async () => {
  const [one, two] = [await installation.enter({ plan: 'free' }), await installation.enter({ plan: 'starter' })]
  const first = await one.caller.limits.request({ ...current, ...asking, meter: 'tokens' })
  const second = await two.caller.limits.request({ ...current, ...asking, meter: 'tokens', value: 90_000_000 })
  const third = await one.caller.limits.request({ ...current, ...asking, meter: 'teams' })
  const named = ({ id, slug }: typeof one.tenant, plan: string) => ({
    id,
    slug,
    name: `Tenant ${slug}`,
    plan,
    status: 'active',
  })
  const all = [
    { ...third, currentLimit: 2, tenant: named(one.tenant, 'free') },
    { ...second, currentLimit: 1_100_000, tenant: named(two.tenant, 'starter') },
    { ...first, currentLimit: 110_000, tenant: named(one.tenant, 'free') },
  ]
  expect(first.requestedBy).toEqual({ type: 'user', id: one.user.id })
  expect(await list()).toEqual({ items: all, nextCursor: null })
  const page = await list({ limit: 2 })
  expect(page).toEqual({ items: all.slice(0, 2), nextCursor: second.id })
  expect(await list({ limit: 2, cursor: page.nextCursor ?? '' })).toEqual({ items: all.slice(2), nextCursor: null })

  const operators = installation.callerAs(operator, two.tenant.id)
  await operators.limits.decide({ ...current, requestId: second.id, decision: 'declined', reason: 'Too early' })
  expect((await list({ state: 'open' })).items.map(({ id }) => id)).toEqual([third.id, first.id])
  expect((await list({ state: 'declined' })).items).toMatchObject([{ id: second.id, decisionReason: 'Too early' }])
  expect((await list({ state: 'approved' })).items).toEqual([])
})

test('beside each request stands what is allowed now: by the plan, an override and grants of its own tenant and meter', async () => {
  const [one, two] = [await installation.enter({ plan: 'free' }), await installation.enter({ plan: 'free' })]
  for (const meter of ['tokens', 'teams', 'pipeline_runs'])
    await one.caller.limits.request({ ...current, ...asking, meter })
  await two.caller.limits.request({ ...current, ...asking, meter: 'teams' })
  const operators = installation.callerAs(operator, one.tenant.id)
  const overrides = { teams: { value: 7 }, pipeline_runs: { value: null } }
  await operators.limits.setOverrides({ ...current, overrides, reason: 'A trial' })
  await operators.limits.grant({ ...current, meter: 'teams', amount: 3, reason: 'For the launch' })
  await operators.tenants.update({ ...current, plan: 'starter' })
  const allowed = [
    { meter: 'pipeline_runs', currentLimit: null },
    { meter: 'teams', currentLimit: 10 },
    { meter: 'tokens', currentLimit: 1_100_000 },
  ]
  expect((await list({ tenantId: one.tenant.id })).items).toMatchObject(allowed)
  expect((await one.caller.limits.requests(current)).items).toMatchObject(allowed)
  expect((await list({ tenantId: two.tenant.id })).items).toMatchObject([{ meter: 'teams', currentLimit: 2 }])
})

test('those of one tenant are found by its slug, id or externalId, and nobody by another name', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const externalId = `external-${tenant.slug}`
  await caller.tenants.update({ tenantId: tenant.id, externalId })
  const { id } = await caller.limits.request({ ...current, ...asking, meter: 'tokens' })
  for (const tenantId of [tenant.slug, tenant.id, tenant.id.toUpperCase(), externalId])
    expect((await list({ tenantId, state: 'open' })).items.map((item) => item.id)).toEqual([id])
  const { tenant: quiet } = await installation.enter()
  expect(await list({ tenantId: quiet.slug })).toEqual({ items: [], nextCursor: null })
  await expect(list({ tenantId: 'nobody' })).rejects.toMatchObject({ code: 'tenant.not_found' })
})

test('nobody but operators sees it', async () => {
  const { user } = await installation.enter()
  for (const actor of [user, { type: 'service', name: 'product' } as const]) {
    const asked = installation.callerAs(actor).limits.allRequests({})
    await expect(asked).rejects.toMatchObject({ code: 'auth.permission_denied' })
  }
})

test('a page is read by index, whatever is asked for', async () => {
  const { tenant } = await installation.enter()
  await asAdmin(
    installation,
    `insert into tenantry.limit_requests (tenant_id, id, meter, reason, state, created_at)
     select $1, gen_random_uuid(), 'tokens', 'Many', 'declined', now() from generate_series(1, 20000)`,
    [tenant.id],
  )
  await asAdmin(installation, 'analyze tenantry.limit_requests', [])
  const planOf = (asked: { state?: 'open'; tenantId?: string }) => {
    const page = { state: undefined, tenantId: undefined, after: undefined, ...asked, limit: 51 }
    const { sql, values } = allRequestsQuery(page)
    return installation.database.platformUnit({ actor: operator, readOnly: true }, async (em) =>
      JSON.stringify(await em.execute(`explain ${sql}`, values)),
    )
  }
  expect(await planOf({})).toContain('limit_requests_id_index')
  expect(await planOf({ state: 'open' })).toContain('limit_requests_state_id_index')
  for (const asked of [
    {},
    { state: 'open' as const },
    { tenantId: tenant.id },
    { tenantId: tenant.id, state: 'open' as const },
  ])
    expect(await planOf(asked)).not.toContain('Seq Scan on limit_requests')
})
