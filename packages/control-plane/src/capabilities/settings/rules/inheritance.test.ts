import { describe, expect, test } from 'vitest'
import { defaultSettings } from './effective.ts'
import { inheritanceFrom, isInheritable, keysSet, lockedKey, provenanceOf, settingsUnder } from './inheritance.ts'
import { settingKeys } from './keys.ts'

const root = (defaults: object, locks: string[] = []) => ({ tenantId: 'root', defaults, locks })
const middle = (defaults: object, locks: string[] = []) => ({ tenantId: 'middle', defaults, locks })

describe('what is inherited', () => {
  test('is nothing without ancestors: all defaults, or the own value', () => {
    const none = inheritanceFrom([])
    expect(settingsUnder(none, {})).toEqual(defaultSettings())
    const provenance = provenanceOf(none, { branding: { primaryColor: '#112233' } })
    expect(provenance.get('branding.primaryColor')).toEqual({ source: 'own' })
    expect(provenance.get('branding.logoUrl')).toEqual({ source: 'default' })
    expect([...provenance.keys()]).toEqual([...settingKeys.keys()])
  })

  test("is the nearer ancestor's default, key by key, under what the tenant itself set", () => {
    const inheritance = inheritanceFrom([
      root({ branding: { primaryColor: '#000001', footerText: 'Root' }, localization: { currency: 'EUR' } }),
      middle({ branding: { primaryColor: '#000002' } }),
    ])
    const own = { localization: { currency: 'CHF' } }
    expect(settingsUnder(inheritance, own)).toMatchObject({
      branding: { primaryColor: '#000002', footerText: 'Root' },
      localization: { currency: 'CHF', language: 'en' },
    })
    const provenance = provenanceOf(inheritance, own)
    expect(provenance.get('branding.primaryColor')).toEqual({ source: 'inherited', tenantId: 'middle' })
    expect(provenance.get('branding.footerText')).toEqual({ source: 'inherited', tenantId: 'root' })
    expect(provenance.get('localization.currency')).toEqual({ source: 'own' })
    expect(provenance.get('localization.language')).toEqual({ source: 'default' })
  })

  test('where it is locked holds against the tenant and every ancestor in between', () => {
    const inheritance = inheritanceFrom([
      root({ branding: { primaryColor: '#000001' } }, ['branding.primaryColor', 'localization.currency']),
      middle({ branding: { primaryColor: '#000002' }, localization: { currency: 'EUR' } }, ['branding.primaryColor']),
    ])
    const own = { branding: { primaryColor: '#000003', footerText: 'Own' }, localization: { currency: 'CHF' } }
    expect(settingsUnder(inheritance, own)).toMatchObject({
      branding: { primaryColor: '#000001', footerText: 'Own' },
      localization: { currency: 'USD' },
    })
    const provenance = provenanceOf(inheritance, own)
    for (const key of ['branding.primaryColor', 'localization.currency'])
      expect(provenance.get(key)).toEqual({ source: 'locked', tenantId: 'root' })
  })

  test('joins free-form objects, and a lock takes the whole of one', () => {
    const defaults = { custom: { theme: { dark: true } } }
    const own = { custom: { theme: { wide: true } } }
    expect(settingsUnder(inheritanceFrom([root(defaults)]), own).custom).toEqual({ theme: { dark: true, wide: true } })
    expect(settingsUnder(inheritanceFrom([root(defaults, ['custom'])]), own).custom).toEqual({ theme: { dark: true } })
  })
})

test('a locked key may be set to the value that it has, kept as it was, or reset, and to nothing else', () => {
  const inheritance = inheritanceFrom([root({ branding: { primaryColor: '#000001' } }, ['branding.primaryColor'])])
  const set = (primaryColor: string) => ({ branding: { primaryColor } })
  expect(lockedKey(inheritance, {}, set('#000001'))).toBeNull()
  expect(lockedKey(inheritance, set('#000003'), set('#000003'))).toBeNull()
  expect(lockedKey(inheritance, set('#000003'), {})).toBeNull()
  expect(lockedKey(inheritance, set('#000003'), set('#000004'))).toEqual({
    key: 'branding.primaryColor',
    lockedBy: 'root',
  })
})

test('sensitive keys and those that need a plan feature are not inherited', () => {
  const kept = [...settingKeys.values()].filter((key) => !isInheritable(key)).map(({ path }) => path)
  expect(kept).toEqual(
    expect.arrayContaining(['security.ipWhitelist', 'notifications.webhookUrl', 'features.ssoEnabled']),
  )
  for (const key of settingKeys.values()) if (key.sensitive || key.requiresFeature) expect(kept).toContain(key.path)
  expect(keysSet({ security: { mfaRequired: true }, custom: {} }).map(({ path }) => path)).toEqual([
    'security.mfaRequired',
    'custom',
  ])
})
