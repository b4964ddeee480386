import { expect, test } from 'vitest'
import { settingsJsonSchema, titleOf } from './json-schema.ts'
import { settingKeys } from './keys.ts'

type Node = { properties?: Record<string, Node> } & Record<string, unknown>

const schema = settingsJsonSchema() as Node
const nodeAt = (path: string) =>
  path.split('.').reduce<Node | undefined>((node, name) => node?.properties?.[name], schema)

test('every key is in the JSON Schema with what a form needs', () => {
  for (const key of settingKeys.values()) {
    expect(nodeAt(key.path)).toMatchObject({
      title: expect.stringMatching(/^[A-Z]/),
      description: key.description,
      default: key.defaultValue,
      'x-sensitive': key.sensitive,
      'x-writableBy': key.writableBy,
    })
    expect(nodeAt(key.path)?.['x-requiresFeature']).toBe(key.requiresFeature)
    expect(key.description).not.toBe('')
  }
})

test('it is a 2020-12 schema that knows the restrictions and refuses unknown keys', () => {
  expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema')
  expect(schema.additionalProperties).toBe(false)
  expect(nodeAt('branding')).toMatchObject({ title: 'Branding', additionalProperties: false })
  expect(nodeAt('branding.primaryColor')).toMatchObject({ default: '#000000', 'x-format': 'color' })
  expect(nodeAt('security.ipWhitelist')).toMatchObject({ 'x-sensitive': true, 'x-writableBy': 'admin' })
  expect(nodeAt('notifications.webhookUrl')).toMatchObject({ 'x-sensitive': true })
  expect(nodeAt('rateLimits.updatesPerHour')).toMatchObject({ 'x-writableBy': 'platform' })
  expect(nodeAt('features.ssoEnabled')).toMatchObject({ 'x-requiresFeature': 'sso' })
  expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
})

test.each([
  ['primaryColor', 'Primary color'],
  ['ipWhitelist', 'IP whitelist'],
  ['logoUrl', 'Logo URL'],
  ['ssoEnabled', 'SSO enabled'],
])('%s is titled "%s"', (name, title) => {
  expect(titleOf(name)).toBe(title)
})
