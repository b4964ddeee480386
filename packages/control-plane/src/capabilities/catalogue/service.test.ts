import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createDependencies } from '../../dependencies.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { consume, toldOf } from '../limit/service.fixture.ts'
import { readCatalogue } from '../plan/index.ts'
import { parseCatalogue } from '../plan/rules/catalogue.ts'
import { catalogueText, catalogueWithout, withoutMeter } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())
beforeEach(async () => {
  rmSync(installation.catalogueFile, { force: true })
  await reload()
})

const current = { tenantId: 'current' }
const say = (text: string) => writeFileSync(installation.catalogueFile, text)
const reload = (input: { dryRun?: boolean } = {}) => installation.callerAs(operator).catalogue.reload(input)
const roomier = { 'pipeline_runs: 20\n': 'pipeline_runs: 30\n' }
const nothing = { added: [], removed: [] }

/** Another process over the same database and bus, with a file of its own that it reads once the catalogue changes. */
function anotherProcess(text: string, startsWith = catalogueText({})) {
  const { dependencies, catalogueFile } = installation
  const { bus, cache, apiKeys } = dependencies.services
  const own = `${catalogueFile}.${randomUUID()}`
  writeFileSync(own, text)
  const catalogue = parseCatalogue(startsWith, own)
  const parts = {
    bus,
    cache,
    catalogue,
    apiKeyTexts: apiKeys.texts,
    readCatalogue: () => readCatalogue(own),
    replacesCatalogue: true,
  }
  return { dependencies: createDependencies({ ...dependencies, ...parts }), file: own }
}

test('what the file says now holds at once, for usage that was blocked too, and stands in the log', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  await consume(caller, 'pipeline_runs', 20)
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ code: 'usage.limit_exceeded' })
  say(catalogueText(roomier))
  const limits = [{ plan: 'free', meter: 'pipeline_runs', before: 20, after: 30 }]
  expect(await reload({ dryRun: true })).toMatchObject({ applied: false, limits })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 20, state: 'blocked' })
  expect(await reload()).toMatchObject({ applied: true, limits, plans: { ...nothing, changed: [] } })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 30, used: 20, state: 'ok' })
  await consume(caller, 'pipeline_runs', 10)
  await expect(consume(caller, 'pipeline_runs', 1)).rejects.toMatchObject({ details: { limit: 30 } })
  const { items } = await caller.plans.list()
  expect(items[0]?.limits.pipeline_runs).toBe(30)
  expect((await installation.platformAuditEntries()).at(-1)).toMatchObject({
    action: 'catalogue.reloaded',
    actorId: operator.id,
    details: { diff: { limits } },
  })
})

test('a file that says the same changes nothing and is not written down', async () => {
  const before = (await installation.platformAuditEntries()).filter(({ action }) => action === 'catalogue.reloaded')
  say(`# A comment of no consequence.\n${catalogueText({})}`)
  expect(await reload()).toMatchObject({ applied: false, limits: [], plans: { ...nothing, changed: [] }, order: false })
  const after = (await installation.platformAuditEntries()).filter(({ action }) => action === 'catalogue.reloaded')
  expect(after).toEqual(before)
})

test('a faulty file leaves the one before in force, and every fault is told with its line', async () => {
  const { caller } = await installation.enter({ plan: 'free' })
  const before = await caller.plans.list()
  say(catalogueText({ 'users: 5\n': 'users: five\n', 'currency: USD': 'currency: GOLD', ...roomier }))
  for (const dryRun of [true, false])
    await expect(reload({ dryRun })).rejects.toMatchObject({
      code: 'catalogue.invalid',
      details: {
        issues: [
          { path: 'currency', message: expect.stringMatching(/^Line \d+: expected an ISO 4217 currency/) },
          { path: 'plans.free.limits.users', message: expect.stringMatching(/^Line \d+: expected a whole number/) },
        ],
      },
    })
  expect(await caller.plans.list()).toEqual(before)
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ limit: 20 })
})

test('plans, meters, features and scopes that come, go and change are told', async () => {
  say(
    catalogueText({
      '    kind: gauge\n    period: none\n    unit: conversations':
        '    kind: gauge\n    period: none\n    unit: talks',
      '  - sla\n': '  - sla\n  - beta\n',
      '[basic_chat, team_collaboration, basic_events, team_formation]': '[basic_chat, beta]',
      'title: Starter': 'title: Beginner',
      'features:\n  - basic_chat':
        'scopes:\n  drafts:read: { description: See drafts., feature: beta, heldFrom: member }\nfeatures:\n  - basic_chat',
    }),
  )
  expect(await reload()).toMatchObject({
    applied: true,
    plans: { ...nothing, changed: [{ name: 'starter', fields: ['title'] }] },
    meters: { ...nothing, changed: [{ name: 'conversations', fields: ['unit'] }] },
    features: { added: ['beta'], removed: [] },
    planFeatures: expect.arrayContaining([
      { plan: 'free', added: ['beta'], removed: ['team_collaboration', 'basic_events', 'team_formation'] },
    ]),
    scopes: { added: ['drafts:read'], removed: [], changed: [] },
  })
  const { caller } = await installation.enter({ plan: 'free' })
  expect(await caller.access.check({ ...current, permission: 'drafts:read' })).toMatchObject({ allowed: true })
})

test('a plan that tenants have, or are to have, is not left out, nor is a meter that they used', async () => {
  say(catalogueWithout('professional'))
  expect(await reload({ dryRun: true })).toMatchObject({ plans: { removed: ['professional'] } })
  const { caller } = await installation.enter({ plan: 'free' })
  await caller.subscription.change({ ...current, plan: 'professional', when: 'period_end' })
  await installation.createTenant({ plan: 'professional' })
  say(withoutMeter(catalogueWithout('professional'), 'pipeline_runs'))
  await consume(caller, 'pipeline_runs', 1)
  await expect(reload()).rejects.toMatchObject({
    code: 'catalogue.in_use',
    details: {
      issues: [
        { path: 'plans.professional', message: 'Tenants that use it: 2.' },
        { path: 'meters.pipeline_runs', message: expect.stringMatching(/^Tenants that use it: \d+\.$/) },
      ],
    },
  })
  expect((await caller.plans.list()).items.map(({ name }) => name)).toContain('professional')
})

test('a meter that is used, or has a limit of its own, is not counted otherwise', async () => {
  const { tenant } = await installation.enter({ plan: 'free' })
  const operators = installation.callerAs(operator, tenant.id)
  const byDay = '  tokens:\n    kind: counter\n    period: day'
  say(catalogueText({ '  tokens:\n    kind: counter\n    period: month': byDay }))
  expect(await reload({ dryRun: true })).toMatchObject({
    meters: { changed: [{ name: 'tokens', fields: ['period'] }] },
  })
  const refused = async (tenants: number) =>
    expect(reload()).rejects.toMatchObject({
      code: 'catalogue.in_use',
      details: { issues: [{ path: 'meters.tokens', message: `Tenants that use it: ${tenants}.` }] },
    })
  const { id: grantId } = await operators.limits.grant({ ...current, meter: 'tokens', amount: 1, reason: 'A launch' })
  await refused(1)
  await operators.limits.revokeGrant({ ...current, grantId })
  await operators.limits.setOverrides({ ...current, overrides: { tokens: { value: 9 } }, reason: 'A trial' })
  await refused(1)
  const other = await installation.enter({ plan: 'free' })
  await consume(other.caller, 'tokens', 1)
  await refused(2)
})

test('a plan that tenants have, or are to have, keeps what its periods are counted by', async () => {
  await using own = await openTestInstallation()
  const reloadOwn = () => own.callerAs(operator).catalogue.reload({})
  const anchorOf = (plan: string) => own.dependencies.services.catalogue.plan(plan)?.periodAnchor
  const anchored = (plan: string) => ({ [`  ${plan}:\n`]: `  ${plan}:\n    periodAnchor: subscription\n` })
  const { caller } = await own.enter({ plan: 'free' })
  await consume(caller, 'pipeline_runs', 20)
  await caller.subscription.change({ ...current, plan: 'starter', when: 'period_end' })
  writeFileSync(own.catalogueFile, catalogueText({ 'periodAnchor: calendar': 'periodAnchor: subscription' }))
  await expect(reloadOwn()).rejects.toMatchObject({
    code: 'catalogue.in_use',
    details: {
      issues: ['free', 'starter'].map((plan) => ({
        path: `plans.${plan}.periodAnchor`,
        message: 'Tenants that use it: 1.',
      })),
    },
  })
  expect(await toldOf(caller, 'pipeline_runs')).toMatchObject({ used: 20, state: 'blocked' })
  writeFileSync(own.catalogueFile, catalogueText(anchored('business')))
  expect(await reloadOwn()).toMatchObject({ applied: true })
  expect([anchorOf('free'), anchorOf('business')]).toEqual(['calendar', 'subscription'])
})

test('a meter of which something is held now is not left out; what was held and has expired is settled all the same', async () => {
  let now = new Date('2026-11-21T10:00:00Z')
  await using own = await openTestInstallation({ clock: { now: () => now } })
  const { caller } = await own.enter({ plan: 'free' })
  const reservation = { metric: 'tokens', amount: 100, idempotencyKey: 'held', ttlSeconds: 60 }
  const { id: reservationId } = await caller.usage.reserve({ ...current, ...reservation })
  await caller.runs.start({ ...current, workload: 'nightly', leaseSeconds: 60 })
  writeFileSync(own.catalogueFile, ['tokens', 'concurrent_pipelines'].reduce(withoutMeter, catalogueText({})))
  const reloadOwn = () => own.callerAs(operator).catalogue.reload({})
  await expect(reloadOwn()).rejects.toMatchObject({
    code: 'catalogue.in_use',
    details: {
      issues: [
        { path: 'meters.concurrent_pipelines', message: 'Tenants that use it: 1.' },
        { path: 'meters.tokens', message: 'Tenants that use it: 1.' },
      ],
    },
  })
  now = new Date('2026-11-21T10:02:00Z')
  expect(await reloadOwn()).toMatchObject({ applied: true })
  const settled = { settledAs: 'committed', amount: 100, metric: 'tokens', used: 100, resetsAt: null }
  expect(await caller.usage.commit({ ...current, reservationId })).toMatchObject({ outcome: 'accepted', ...settled })
  expect(await caller.usage.commit({ ...current, reservationId })).toMatchObject({ outcome: 'duplicate', ...settled })
})

test('every process whose file says the same follows; one whose file does not says so, and serves as before', async () => {
  const [current_, old] = [anotherProcess(catalogueText(roomier)), anotherProcess(catalogueText({}))]
  const limitIn = ({ dependencies }: typeof old) => dependencies.services.catalogue.plan('free')?.limits.pipeline_runs
  say(catalogueText(roomier))
  await reload()
  await vi.waitFor(() => expect(limitIn(current_)).toBe(30))
  await vi.waitFor(() => expect(old.dependencies.services.liveCatalogue.isOutdated()).toBe(true))
  expect(limitIn(old)).toBe(20)
  expect(current_.dependencies.services.liveCatalogue.isOutdated()).toBe(false)
  writeFileSync(old.file, catalogueText(roomier))
  rmSync(installation.catalogueFile)
  await reload()
  say(catalogueText(roomier))
  await reload()
  await vi.waitFor(() => expect(limitIn(old)).toBe(30))
  expect(old.dependencies.services.liveCatalogue.isOutdated()).toBe(false)
  for (const { dependencies, file } of [current_, old]) {
    await dependencies.services.metering.close()
    rmSync(file)
  }
})

test('a catalogue that was left and came back has the same new number in every process', async () => {
  const follower = anotherProcess(catalogueText(roomier))
  const { catalogue, metering } = follower.dependencies.services
  const limit = () => catalogue.plan('free')?.limits.pipeline_runs
  const before = await metering.catalogueRevision()
  say(catalogueText(roomier))
  await reload()
  await vi.waitFor(() => expect(limit()).toBe(30))
  writeFileSync(follower.file, catalogueText({}))
  say(catalogueText({}))
  await reload()
  await vi.waitFor(() => expect(limit()).toBe(20))
  const entered = await installation.dependencies.services.metering.catalogueRevision()
  expect(entered).toBeGreaterThan(before)
  expect(await metering.catalogueRevision()).toBe(entered)
  await metering.close()
  rmSync(follower.file)
})

test('a process that starts with another catalogue has the others say so, until theirs is the one in force again', async () => {
  const start = async (text: string) => {
    const started = anotherProcess(text, text)
    const { liveCatalogue, metering } = started.dependencies.services
    await liveCatalogue.announce(metering.catalogueRevision)
    return { ...started, liveCatalogue, metering }
  }
  const { isOutdated } = installation.dependencies.services.liveCatalogue
  const newer = await start(catalogueText(roomier))
  await vi.waitFor(() => expect(isOutdated()).toBe(true))
  expect(newer.liveCatalogue.isOutdated()).toBe(false)
  await reload()
  expect(isOutdated()).toBe(true)
  const older = await start(catalogueText({}))
  await vi.waitFor(() => expect(isOutdated()).toBe(false))
  expect(newer.liveCatalogue.isOutdated()).toBe(true)
  for (const { metering, file } of [newer, older]) {
    await metering.close()
    rmSync(file)
  }
})

test('a reload finds that the catalogue came back, though nobody was told', async () => {
  const { liveCatalogue } = installation.dependencies.services
  const others = [roomier, {}].map((replaced) => {
    const text = catalogueText(replaced)
    return { ...anotherProcess(text, text), expected: replaced === roomier }
  })
  for (const { dependencies, file, expected } of others) {
    await dependencies.services.metering.catalogueRevision()
    await reload()
    expect(liveCatalogue.isOutdated()).toBe(expected)
    await dependencies.services.metering.close()
    rmSync(file)
  }
})

test('only operators reload', async () => {
  const { caller } = await installation.enter()
  await expect(caller.catalogue.reload({})).rejects.toMatchObject({ code: 'auth.permission_denied' })
})
