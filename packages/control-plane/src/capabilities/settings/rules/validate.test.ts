import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { effectiveSettings } from './effective.ts'
import { settingTree } from './keys.ts'
import { type StoredSettings, settingsSchema } from './schema.ts'
import { documentBytes, maximumDocumentBytes, nameIssues, type PatchRequest, validatePatch } from './validate.ts'

function issuesOf(patch: unknown, request: Partial<PatchRequest> = {}) {
  const result = validatePatch({ stored: {}, patch, ...request })
  return result.outcome === 'invalid' ? result.issues : result
}

function nextOf(stored: StoredSettings, patch: unknown) {
  const result = validatePatch({ stored, patch })
  return result.outcome === 'valid' ? result.next : result
}

describe('an accepted patch', () => {
  test('is merged onto what is stored, and a null takes a key back to its default', () => {
    const stored: StoredSettings = {
      branding: { primaryColor: '#111111', businessName: 'Acme' },
      custom: { a: { b: 1, c: 2 } },
    }
    const patch = { branding: { primaryColor: null, footerText: 'Bye' }, custom: { a: { b: null } } }
    expect(validatePatch({ stored, patch })).toEqual({
      outcome: 'valid',
      next: { branding: { businessName: 'Acme', footerText: 'Bye' }, custom: { a: { c: 2 } } },
      changes: [
        { path: 'branding.primaryColor', before: '#111111', after: '#000000' },
        { path: 'branding.footerText', before: null, after: 'Bye' },
        { path: 'custom.a.b', before: 1, after: null },
      ],
    })
  })

  test('that sends back what is stored changes nothing', () => {
    const stored: StoredSettings = { messaging: { quickReplies: ['Yes'] }, orders: { autoConfirm: true } }
    expect(validatePatch({ stored, patch: stored })).toEqual({ outcome: 'valid', next: stored, changes: [] })
    expect(validatePatch({ stored, patch: {} })).toEqual({ outcome: 'valid', next: stored, changes: [] })
  })

  test('leaves no empty sections behind, but keeps empty objects of the product', () => {
    const stored: StoredSettings = { notifications: { quietHours: { enabled: true } }, branding: { businessName: 'A' } }
    expect(nextOf(stored, { notifications: { quietHours: { enabled: null } }, branding: null, orders: {} })).toEqual({})
    expect(nextOf({}, { custom: { empty: {} } })).toEqual({ custom: { empty: {} } })
  })

  test('treats undefined from a caller in process as absent', () => {
    expect(nextOf({}, { orders: { autoConfirm: true, paymentGracePeriodHours: undefined } })).toEqual({
      orders: { autoConfirm: true },
    })
  })
})

describe('a refused patch', () => {
  test('has all its issues reported at once by their paths', () => {
    const patch = {
      branding: { primaryColor: 'red', logoUrl: 'https://localhost/logo.png', size: 3 },
      security: { ipWhitelist: ['10.0.0.1', 'nowhere'] },
      localization: { timezone: 'Mars/Base', currency: 'XXL' },
      businessHours: { monday: { open: '18:00' } },
      colours: {},
      webhooks: null,
      custom: { a: ['fine', { b: '<script>' }] },
    }
    const issues = issuesOf(patch) as { path: string; message: string }[]
    expect(issues.map(({ path }) => path).sort()).toEqual([
      'settings.branding.logoUrl',
      'settings.branding.primaryColor',
      'settings.branding.size',
      'settings.businessHours.monday',
      'settings.colours',
      'settings.custom.a.1.b',
      'settings.localization.currency',
      'settings.localization.timezone',
      'settings.security.ipWhitelist.1',
      'settings.webhooks',
    ])
    expect(issues.every(({ message }) => message.length > 0)).toBe(true)
  })

  test('never has its values repeated in the answer', () => {
    const answer = JSON.stringify(
      issuesOf({ security: { ipWhitelist: 'hunter2' }, notifications: { webhookUrl: 'http://hunter2/' } }),
    )
    expect(answer).toContain('settings.notifications.webhookUrl')
    expect(answer).not.toContain('hunter2')
  })

  test('answers at most a hundred issues', () => {
    expect(issuesOf(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, null])))).toHaveLength(
      100,
    )
  })
})

describe('an unknown key', () => {
  test('is refused even as a removal', () => {
    const message = 'There is no such setting.'
    expect(issuesOf({ nothing: null, branding: { colour: null }, notifications: { email: { spam: null } } })).toEqual([
      { path: 'settings.nothing', message },
      { path: 'settings.branding.colour', message },
      { path: 'settings.notifications.email.spam', message },
    ])
  })

  test('stored from before its declaration was withdrawn blocks nothing and can be removed', () => {
    const stored = { retired: 1, branding: { retired: 2 } } as StoredSettings
    expect(nextOf(stored, { branding: { businessName: 'Acme' } })).toEqual({
      retired: 1,
      branding: { retired: 2, businessName: 'Acme' },
    })
    expect(nextOf(stored, { retired: null, branding: { retired: null } })).toEqual({})
  })
})

describe('a rule over several keys', () => {
  test('sees the effective day: one side stored or default, the other patched', () => {
    const issue = [{ path: 'settings.businessHours.monday', message: 'Must open before it closes.' }]
    expect(issuesOf({ businessHours: { monday: { close: '09:00' } } })).toEqual(issue)
    expect(
      issuesOf(
        { businessHours: { monday: { open: '11:00' } } },
        { stored: { businessHours: { monday: { close: '10:00' } } } },
      ),
    ).toEqual(issue)
    expect(issuesOf({ businessHours: { monday: { open: '18:00', closed: true } } })).toMatchObject({ outcome: 'valid' })
    expect(issuesOf({ businessHours: { sunday: { open: '18:00' } } })).toMatchObject({ outcome: 'valid' })
    expect(issuesOf({ businessHours: { sunday: { open: '18:00', closed: false } } })).toHaveLength(1)
  })

  test('sees inherited values too', () => {
    const inherited: StoredSettings = { businessHours: { friday: { close: '12:00' } } }
    expect(issuesOf({ businessHours: { friday: { open: '13:00' } } }, { inherited })).toHaveLength(1)
  })

  test('lets quiet hours pass midnight but not start when they end', () => {
    expect(nextOf({}, { notifications: { quietHours: { enabled: true } } })).toMatchObject({ notifications: {} })
    expect(issuesOf({ notifications: { quietHours: { enabled: true, end: '22:00' } } })).toEqual([
      { path: 'settings.notifications.quietHours', message: 'Must not start and end at the same time.' },
    ])
  })

  test('does not hold a patch up for a fault that it does not touch', () => {
    const stored: StoredSettings = { businessHours: { monday: { open: '20:00' } }, branding: { primaryColor: 'red' } }
    expect(
      nextOf(stored, { branding: { businessName: 'Acme' }, businessHours: { tuesday: { open: '08:00' } } }),
    ).toMatchObject({
      branding: { businessName: 'Acme' },
    })
    expect(issuesOf({ branding: { primaryColor: 'red' } }, { stored })).toHaveLength(1)
    expect(issuesOf({ businessHours: { monday: { close: '19:00' } } }, { stored })).toHaveLength(1)
  })
})

describe('the size of the document', () => {
  const customOf = (text: string) => ({ custom: { t: text } })
  const room = maximumDocumentBytes - '{"custom":{"t":""}}'.length

  test('may be 10 240 bytes and not one more', () => {
    expect(nextOf({}, customOf('x'.repeat(room)))).toHaveProperty('custom')
    expect(issuesOf(customOf('x'.repeat(room + 1)))).toEqual({
      outcome: 'too_large',
      bytes: 10_241,
      limitBytes: 10_240,
    })
  })

  test('counts bytes, not characters', () => {
    expect(issuesOf(customOf('é'.repeat(Math.floor(room / 2))))).toMatchObject({ outcome: 'valid' })
    expect(issuesOf(customOf('é'.repeat(Math.floor(room / 2) + 1)))).toMatchObject({
      outcome: 'too_large',
      bytes: 10_241,
    })
    expect(documentBytes({ custom: { t: '🎉' } })).toBe(19 + 4)
  })

  test('is that of the result, not of the patch', () => {
    const stored: StoredSettings = { custom: { a: 'x'.repeat(6000) } }
    expect(issuesOf({ custom: { b: 'x'.repeat(6000) } }, { stored })).toMatchObject({ outcome: 'too_large' })
    expect(issuesOf({ custom: { a: null, b: 'x'.repeat(6000) } }, { stored })).toMatchObject({ outcome: 'valid' })
  })
})

test('a host that configuration opens is taken, by http too, but never with credentials', () => {
  const openHosts = new Set(['127.0.0.1'])
  const webhook = (webhookUrl: string) => ({ notifications: { webhookUrl } })
  expect(issuesOf(webhook('http://127.0.0.1:4000/hook'), { openHosts })).toMatchObject({ outcome: 'valid' })
  expect(issuesOf(webhook('http://127.0.0.1:4000/hook'))).toHaveLength(2)
  expect(issuesOf(webhook('http://127.0.0.2/'), { openHosts })).toHaveLength(2)
  expect(issuesOf(webhook('http://a:b@127.0.0.1/'), { openHosts })).toMatchObject([
    { message: 'Must not hold credentials.' },
  ])
  expect(issuesOf(webhook('ftp://127.0.0.1/'), { openHosts })).toHaveLength(1)
})

test.each([
  ['Acme', []],
  ['ab', ['Must have 3 to 100 characters.']],
  ['  ab  ', ['Must have 3 to 100 characters.']],
  ['x'.repeat(101), ['Must have 3 to 100 characters.']],
  ['Acme\nInc', ['Must not hold control characters.']],
  ['<b', ['Must have 3 to 100 characters.', 'Must not hold HTML or script.']],
  [null, ['Must be a text.']],
])('the name %j has the issues %j', (name, messages) => {
  expect(nameIssues(name)).toEqual(messages.map((message) => ({ path: 'name', message })))
})

describe('whatever is sent', () => {
  const names = [...settingTree.keys(), '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']
  const object = fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), fc.jsonValue({ maxDepth: 3 }))
  const patches = fc.oneof(
    object,
    fc.dictionary(fc.constantFrom(...names), object),
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSparseArray: true }),
  )

  test('is answered without a throw and without touching Object.prototype', () => {
    const before = Object.getOwnPropertyNames(Object.prototype).sort()
    fc.assert(
      fc.property(patches, (patch) => {
        const result = validatePatch({ stored: { branding: { businessName: 'Acme' } }, patch })
        expect(['valid', 'invalid', 'too_large']).toContain(result.outcome)
      }),
      { numRuns: 500 },
    )
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before)
  })

  test('only becomes a document that is valid as a whole, and the same patch then changes nothing', () => {
    const groups = fc.record(
      {
        branding: fc.record(
          { businessName: fc.option(fc.string()), primaryColor: fc.constantFrom('#abcdef', 'blue', null) },
          { requiredKeys: [] },
        ),
        businessHours: fc.record({
          monday: fc.record(
            { open: fc.constantFrom('08:00', '18:00', null), close: fc.constantFrom('07:00', '19:00') },
            { requiredKeys: [] },
          ),
        }),
        custom: fc.option(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))),
        security: fc.record({ sessionTimeoutMinutes: fc.integer({ min: -1, max: 100 }) }),
      },
      { requiredKeys: [] },
    )
    let accepted = 0
    fc.assert(
      fc.property(groups, groups, (first, patch) => {
        const start = validatePatch({ stored: {}, patch: first })
        const stored = start.outcome === 'valid' ? start.next : {}
        const result = validatePatch({ stored, patch })
        if (result.outcome !== 'valid') return
        accepted += 1
        expect(settingsSchema.safeParse(effectiveSettings(result.next)).success).toBe(true)
        expect(validatePatch({ stored: result.next, patch })).toEqual({
          outcome: 'valid',
          next: result.next,
          changes: [],
        })
      }),
      { numRuns: 300 },
    )
    expect(accepted).toBeGreaterThan(20)
  })
})
