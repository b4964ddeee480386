import { afterAll, beforeAll, expect, test } from 'vitest'
import { InvalidSettingsError } from '../../errors.ts'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { revisionsOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const privateUrl = { branding: { logoUrl: 'https://169.254.169.254/logo.png' } }
const refused: [string, unknown, string][] = [
  ['__proto__', JSON.parse('{"custom": {"__proto__": {"admin": true}}}'), 'settings.custom.__proto__'],
  ['a script tag', { branding: { footerText: 'Hi <script>alert(1)</script>' } }, 'settings.branding.footerText'],
  ['a URL of the private network', privateUrl, 'settings.branding.logoUrl'],
  ['a range that is none', { security: { ipWhitelist: ['10.0.0.0/33'] } }, 'settings.security.ipWhitelist.0'],
  ['an unknown key', { branding: { colour: '#000000' } }, 'settings.branding.colour'],
  ['an unknown group', { theme: { dark: true } }, 'settings.theme'],
  ['a document that is none', ['branding'], 'settings'],
]
test.each(refused)('an update is refused for %s, and its path is named', async (_, settings, path) => {
  const { caller } = await installation.enter()
  const answer = caller.tenants.updateSettings({ settings })
  await expect(answer).rejects.toBeInstanceOf(InvalidSettingsError)
  await expect(answer).rejects.toMatchObject({
    code: 'settings.invalid',
    status: 422,
    details: { issues: [{ path }] },
  })
})

test('five errors are named at once, and a refused update leaves neither version nor revision nor entry', async () => {
  const { tenant, caller } = await installation.enter()
  const settings = {
    ...privateUrl,
    localization: { timezone: 'Mars/Olympus', currency: 'XYZ', language: 'de' },
    catalog: { syncSchedule: 'daily' },
  }
  const error = await caller.tenants.updateSettings({ name: 'A', settings }).catch((reason) => reason)

  expect(error).toBeInstanceOf(InvalidSettingsError)
  expect(error.details.issues.map(({ path }: { path: string }) => path).toSorted()).toEqual([
    'name',
    'settings.branding.logoUrl',
    'settings.catalog.syncSchedule',
    'settings.localization.currency',
    'settings.localization.timezone',
  ])
  expect(await caller.settings.get()).toMatchObject({ version: 1, settings: { localization: { language: 'en' } } })
  expect(await revisionsOf(installation, tenant.id)).toEqual([])
  expect(await installation.auditEntries(tenant.id)).toEqual([])
})

test('a document may not grow beyond 10 KB, by one update or by several', async () => {
  const { tenant, caller } = await installation.enter()
  const kilobytes = (count: number) => 'x'.repeat(count * 1024)
  const tooLarge = { code: 'settings.too_large', status: 413 }
  await expect(caller.tenants.updateSettings({ settings: { custom: { all: kilobytes(11) } } })).rejects.toMatchObject(
    tooLarge,
  )
  await caller.tenants.updateSettings({ settings: { custom: { first: kilobytes(6) } } })
  await expect(caller.tenants.updateSettings({ settings: { custom: { second: kilobytes(6) } } })).rejects.toMatchObject(
    tooLarge,
  )

  expect(await caller.settings.get()).toMatchObject({ version: 2, settings: { custom: { first: kilobytes(6) } } })
  expect(await revisionsOf(installation, tenant.id)).toHaveLength(1)
})

test.each(['admin', 'owner'] as const)(
  'an %s who writes a key of the platform is told which it is and who may',
  async (role) => {
    const { tenant, caller } = await installation.enter({ role })
    const answer = caller.tenants.updateSettings({
      settings: { branding: { businessName: 'Acme' }, rateLimits: { updatesPerHour: 99 } },
    })

    await expect(answer).rejects.toMatchObject({
      code: 'settings.restricted_key',
      status: 403,
      details: { key: 'rateLimits.updatesPerHour', writableBy: 'platform' },
      message: expect.stringContaining('rateLimits.updatesPerHour'),
    })
    expect(await revisionsOf(installation, tenant.id)).toEqual([])
  },
)

test('a key that needs a feature of the plan is refused without, naming it, and taken with it', async () => {
  const patch = { settings: { features: { ssoEnabled: true } } }
  const { caller } = await installation.enter({ plan: 'business' })
  await expect(caller.tenants.updateSettings(patch)).rejects.toMatchObject({
    code: 'settings.restricted_key',
    details: { key: 'features.ssoEnabled', requiresFeature: 'sso' },
    message: expect.stringContaining('sso'),
  })
  const { caller: enterprise } = await installation.enter({ plan: 'enterprise' })
  expect(await enterprise.tenants.updateSettings(patch)).toMatchObject({
    settings: { features: { ssoEnabled: true } },
  })
})

test('a text that PostgreSQL cannot keep is an issue, not an accident', async () => {
  const { caller } = await installation.enter()
  const settings = { custom: { nul: 'a\u0000b', half: 'a\ud800b' } }
  await expect(caller.tenants.updateSettings({ name: 'Ac\u0000me', settings })).rejects.toMatchObject({
    details: { issues: [{ path: 'name' }, { path: 'settings.custom.nul' }, { path: 'settings.custom.half' }] },
  })
})
