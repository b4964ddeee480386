import { openTestInstallation, type TestInstallation } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { environmentOf, type } from './cli.fixture.ts'

// Each command opens an installation of its own.
vi.setConfig({ testTimeout: 60_000 })

let installation: TestInstallation
let environment: NodeJS.ProcessEnv
beforeAll(async () => {
  installation = await openTestInstallation()
  environment = environmentOf(installation)
})
afterAll(() => installation.close())

const json = async (typed: string) => JSON.parse((await type(`${typed} --json`, environment)).out)
const shown = async (tenant: string, meter: string) =>
  (await json(`limits show ${tenant}`)).meters.find((one: { meter: string }) => one.meter === meter)

test('limits are set, granted and revoked, and shown with where they come from', async () => {
  const { tenant, caller } = await installation.enter({ plan: 'free' })
  const { slug } = tenant
  await caller.usage.track({ tenantId: 'current', metric: 'tokens', amount: 105_000 })
  expect(await shown(slug, 'tokens')).toEqual({
    ...{ meter: 'tokens', used: 105_000, limit: 100_000, hardLimit: 110_000 },
    ...{ state: 'grace', source: 'plan', until: null },
  })
  const end = '2099-01-01T00:00:00.000Z'
  const set = await type(`limits set ${slug} tokens 100001 --reason Agreed --expires-at ${end}`, environment)
  expect(set).toEqual({ code: 0, out: `tokens of ${slug} is 100001 until ${end}, in place of the plan.\n`, error: '' })
  expect(await shown(slug, 'tokens')).toMatchObject({
    limit: 100_001,
    state: 'blocked',
    source: 'override',
    until: end,
  })

  const granted = await type(`limits grant ${slug} tokens 50000 --reason Launch`, environment)
  const id = /^Granted 50000 of tokens to \S+ \(([\w-]+)\)\.\n$/.exec(granted.out)?.[1]
  const { code, out } = await type(`limits show ${tenant.id}`, environment)
  expect(code).toBe(0)
  expect(out).toMatch(/^METER +USED +LIMIT +HARD LIMIT +STATE +FROM +UNTIL\n/)
  expect(out).toMatch(new RegExp(`^tokens +105000 +150001 +150001 +ok +grant +${end}$`, 'm'))
  expect(out).toMatch(/^teams +0 +2 +2 +ok +plan free$/m)
  expect(out).toMatch(new RegExp(`\n\nGRANTED +AMOUNT +EXPIRES +REASON +ID\ntokens +50000 +never +Launch +${id}\n$`))

  expect((await type(`limits revoke ${slug} ${id}`, environment)).out).toBe(`Revoked ${id}.\n`)
  const reset = await type(`limits set ${slug} tokens plan --reason Ended`, environment)
  expect(reset.out).toBe(`tokens of ${slug} is what the plan allows.\n`)
  expect((await json(`limits show ${slug}`)).grants).toEqual([])
  expect(await shown(slug, 'tokens')).toMatchObject({ limit: 100_000, source: 'plan', until: null })
  expect(await json(`limits set ${slug} tokens unlimited --reason Migration`)).toMatchObject({
    overrides: [{ meter: 'tokens', value: null, reason: 'Migration' }],
  })
  const entries = await installation.auditEntries(tenant.id)
  const mine = entries.filter(({ actorType, actorId }) => `${actorType}:${actorId}` === 'system:cli')
  expect(mine.map(({ action }) => action)).toEqual([
    'limits.overridden',
    'limits.granted',
    'limits.grant_revoked',
    'limits.overridden',
    'limits.overridden',
  ])
})

test('what tenants ask for is listed, and decided by its id', async () => {
  const [one, two] = [await installation.enter({ plan: 'free' }), await installation.enter({ plan: 'free' })]
  const ask = ({ caller }: typeof one, value: number | 'unlimited') =>
    caller.limits.request({ tenantId: 'current', meter: 'teams', value, reason: 'We grow fast' })
  const [first, second] = [await ask(one, 9), await ask(two, 'unlimited')]
  const { code, out } = await type('limits requests --state open --limit 1', environment)
  expect(code).toBe(0)
  expect(out).toMatch(
    new RegExp(
      `^TENANT +METER +ASKED FOR +ALLOWED NOW +STATE +ASKED +REASON +ID\n${two.tenant.slug} +teams +unlimited +2 +open +\\S+ +We grow fast +${second.id}\n\nMore: --cursor ${second.id}\n$`,
    ),
  )
  const rest = await json(`limits requests --state open --cursor ${second.id}`)
  expect(rest).toMatchObject({ items: [{ id: first.id, tenant: { slug: one.tenant.slug } }], nextCursor: null })
  expect((await json(`limits requests ${two.tenant.slug}`)).items).toMatchObject([{ id: second.id }])

  const decide = (request: { id: string }, { tenant }: typeof one, decision: string) =>
    type(`limits decide ${tenant.slug} ${request.id} ${decision} --reason Agreed`, environment)
  expect(await decide(first, one, 'approved')).toEqual({
    code: 0,
    out: `The request of ${one.tenant.slug} for teams is approved. 9 holds from now on. A running service sends the mail.\n`,
    error: '',
  })
  expect((await decide(second, two, 'declined')).out).toBe(
    `The request of ${two.tenant.slug} for teams is declined. A running service sends the mail.\n`,
  )
  expect(await shown(one.tenant.slug, 'teams')).toMatchObject({ limit: 9, source: 'override' })
  expect((await json('limits requests --state open')).items).toEqual([])
  expect(await decide(first, one, 'declined')).toMatchObject({
    code: 1,
    error: 'This request was decided already. (limit_request.already_decided)\n',
  })
})

test('a meter that is none, and an end that has passed, are told as they were typed', async () => {
  const { tenant } = await installation.enter({ plan: 'free' })
  const refused = async (typed: string) => {
    const { code, error } = await type(typed, environment)
    expect(code).toBe(2)
    return error
  }
  expect(await refused(`limits set ${tenant.slug} toasts 5 --reason Any`)).toMatch(/\n {2}<meter>: Expected one of /)
  expect(await refused(`limits grant ${tenant.slug} toasts 5 --reason Any`)).toMatch(/\n {2}<meter>: Expected one of /)
  const past = '--reason Any --expires-at 2020-01-01T00:00:00Z'
  for (const typed of [`limits set ${tenant.slug} tokens 5 ${past}`, `limits grant ${tenant.slug} tokens 5 ${past}`])
    expect(await refused(typed)).toMatch(/\n {2}--expires-at: Expected a time in the future/)
})

test.each(['limits show', 'limits requests'])('%s of a tenant that is not there names it', async (command) => {
  const { code, error } = await type(`${command} gone-tenant`, environment)
  expect({ code, error }).toEqual({
    code: 1,
    error: 'There is no tenant “gone-tenant”. Name it by slug, id or externalId. (tenant.not_found)\n',
  })
})
