import { describe, expect, test } from 'vitest'
import { diffSettings, restrictedKeys, type SettingChange } from './changes.ts'
import { defaultSettings } from './effective.ts'
import type { StoredSettings } from './schema.ts'
import { validatePatch } from './validate.ts'

const none: ReadonlySet<string> = new Set()

function changesOf(stored: StoredSettings, patch: unknown, inherited?: StoredSettings): SettingChange[] {
  const result = validatePatch({ stored, patch, inherited })
  if (result.outcome !== 'valid') throw new Error(JSON.stringify(result))
  return result.changes
}

describe('a diff', () => {
  test('names each key that differs with the values that held before and after', () => {
    const from: StoredSettings = { branding: { primaryColor: '#111111' }, security: { ipWhitelist: ['10.0.0.1'] } }
    const to: StoredSettings = {
      branding: { businessName: 'Acme' },
      security: { ipWhitelist: ['10.0.0.1', '10.0.0.2'] },
    }
    expect(diffSettings(from, to)).toEqual([
      { path: 'branding.primaryColor', before: '#111111', after: '#000000' },
      { path: 'branding.businessName', before: null, after: 'Acme' },
      { path: 'security.ipWhitelist', before: ['10.0.0.1'], after: ['10.0.0.1', '10.0.0.2'] },
    ])
  })

  test('goes into the free-form group leaf by leaf', () => {
    const from: StoredSettings = { custom: { theme: { dark: true, wide: true }, old: {} } }
    const to: StoredSettings = { custom: { theme: { dark: false, wide: true }, tags: [{ a: 1 }] } }
    expect(diffSettings(from, to)).toEqual([
      { path: 'custom.theme.dark', before: true, after: false },
      { path: 'custom.old', before: {}, after: null },
      { path: 'custom.tags', before: null, after: [{ a: 1 }] },
    ])
  })

  test('of equal documents is empty, whatever the order of their keys', () => {
    expect(diffSettings({ custom: { a: 1, b: [{ c: 1, d: 2 }] } }, { custom: { b: [{ d: 2, c: 1 }], a: 1 } })).toEqual(
      [],
    )
  })

  test('falls back to the inherited value, not to the default', () => {
    const inherited: StoredSettings = { localization: { currency: 'EUR' } }
    expect(diffSettings({ localization: { currency: 'CHF' } }, {}, inherited)).toEqual([
      { path: 'localization.currency', before: 'CHF', after: 'EUR' },
    ])
  })
})

describe('a restricted key', () => {
  const platformOnly = { rateLimits: { requestsPerMinute: 1000 } }

  test('is refused to those below its writer and named with who may write it', () => {
    const changes = changesOf({}, { ...platformOnly, branding: { primaryColor: '#123456' } })
    const refusal = [{ key: 'rateLimits.requestsPerMinute', writableBy: 'platform' }]
    expect(restrictedKeys(changes, 'admin', none)).toEqual(refusal)
    expect(restrictedKeys(changes, 'owner', none)).toEqual(refusal)
    expect(restrictedKeys(changes, 'platform', none)).toEqual([])
  })

  test('is no matter when the same value is sent back', () => {
    expect(restrictedKeys(changesOf(platformOnly, platformOnly), 'admin', none)).toEqual([])
    expect(restrictedKeys(changesOf({}, defaultSettings()), 'admin', none)).toEqual([])
    expect(restrictedKeys(changesOf({}, platformOnly, platformOnly), 'admin', none)).toEqual([])
  })

  test('may not be removed either', () => {
    const changes = changesOf(platformOnly, { rateLimits: null })
    expect(restrictedKeys(changes, 'owner', none)).toEqual([
      { key: 'rateLimits.requestsPerMinute', writableBy: 'platform' },
    ])
  })

  test('of the security group is open to owners and admins', () => {
    expect(restrictedKeys(changesOf({}, { security: { mfaRequired: true } }), 'admin', none)).toEqual([])
  })

  test('that needs a plan feature is refused without it, to the platform too, and taken with it', () => {
    const changes = changesOf({}, { features: { ssoEnabled: true, customModelsEnabled: true } })
    const refusal = [
      { key: 'features.ssoEnabled', writableBy: 'admin', requiresFeature: 'sso' },
      { key: 'features.customModelsEnabled', writableBy: 'admin', requiresFeature: 'custom_models' },
    ]
    expect(restrictedKeys(changes, 'owner', none)).toEqual(refusal)
    expect(restrictedKeys(changes, 'platform', none)).toEqual(refusal)
    expect(restrictedKeys(changes, 'admin', new Set(['sso']))).toEqual(refusal.slice(1))
    expect(restrictedKeys(changes, 'admin', new Set(['sso', 'custom_models']))).toEqual([])
  })

  test('whose feature was lost may still be switched off', () => {
    const stored: StoredSettings = { features: { ssoEnabled: true } }
    expect(restrictedKeys(changesOf(stored, { features: { ssoEnabled: false } }), 'admin', none)).toEqual([])
    expect(restrictedKeys(changesOf(stored, { features: { ssoEnabled: null } }), 'admin', none)).toEqual([])
  })
})
