import { expect, test } from 'vitest'
import { writeMessage } from '../../mail/rules/message.ts'
import { loadCatalogue } from '../../plan/index.ts'
import { type ReachedThreshold, thresholdMessage } from './threshold-message.ts'

const { meters } = loadCatalogue()
const meterOf = (key: string) => meters[key] ?? expect.fail(key)

const written = (fields: Partial<ReachedThreshold> = {}, name = 'Acme') => {
  const reached: ReachedThreshold = {
    meter: meterOf('tokens'),
    percent: 80,
    used: 85_000,
    included: 100_000,
    hardLimit: 110_000,
    graceDays: 7,
    state: 'warning',
    graceEndsAt: null,
    raisedAt: new Date('2026-11-21T10:00:00Z'),
    resetsAt: new Date('2026-11-30T23:00:00Z'),
    upgrade: { title: 'Pro', included: 1_000_000 },
    ...fields,
  }
  const addressed = { name, slug: 'acme', timezone: 'Europe/Paris', publicUrl: 'https://tenantry.example/?a=1&b=2' }
  return writeMessage(thresholdMessage(reached, addressed))
}

test('a warning says how much of which limit is used, what comes next and what to do', () => {
  const { subject, text } = written()
  expect(subject).toBe('Acme: 80 % of tokens used')
  expect(text).toBe(`Acme has used 85 % of its limit of tokens.

Meter: tokens (Model tokens, prompts and completions together)
Used: 85,000 tokens
Limit: 100,000 tokens
Hard limit: 110,000 tokens
Percent: 85 %
As of: 21 November 2026, 11:00 (Europe/Paris)

What happens next: this is a warning, and nothing is refused yet. Past the limit a grace of 7 days begins, in which up to 110,000 tokens can be used. After that, or beyond it, further use is refused. The count starts anew on 1 December 2026, 00:00 (Europe/Paris).

What to do: ask for a higher limit (limits.request: POST /api/v1/tenants/acme/limits/requests with the meter tokens). Or upgrade: the plan Pro includes 1,000,000 tokens.

To the service: https://tenantry.example/?a=1&b=2
`)
})

test('a warning of a limit without grace says where use ends', () => {
  const { text } = written({ hardLimit: 100_000, graceDays: 0 })
  expect(text).toContain('nothing is refused yet. At 100,000 tokens further use is refused. The count')
  expect(text).not.toMatch(/Hard limit|grace/)
})

test('a limit that is passed says when grace ends', () => {
  const { subject, text } = written({
    percent: 100,
    used: 105_000,
    state: 'grace',
    graceEndsAt: new Date('2026-11-28T10:00:00Z'),
  })
  expect(subject).toBe('Acme: limit of tokens reached')
  expect(text).toContain('Acme has passed its limit of tokens.')
  expect(text).toContain(
    'grace lasts until 28 November 2026, 11:00 (Europe/Paris): until then up to 110,000 tokens can be used.',
  )
})

test('a limit that is just reached says how long grace will be', () => {
  const { text } = written({ percent: 100, used: 100_000, graceDays: 1 })
  expect(text).toContain('Acme has reached its limit of tokens.')
  expect(text).toContain('with the next use a grace of one day begins, in which up to 110,000 tokens can be used.')
})

test('a hard limit says until when use is refused', () => {
  const { subject, text } = written({ percent: null, used: 110_000, state: 'blocked' })
  expect(subject).toBe('Acme: use of tokens is blocked')
  expect(text).toContain(
    'further use is refused until 1 December 2026, 00:00 (Europe/Paris), when the count starts anew, or the limit is raised.',
  )
})

test('what is kept is blocked until less is kept, and shown in the unit that people see', () => {
  const mebibyte = 1024 * 1024
  const { text } = written({
    meter: meterOf('storage'),
    percent: null,
    used: 1_126.5 * mebibyte,
    included: 1_024 * mebibyte,
    hardLimit: 1_126 * mebibyte,
    state: 'blocked',
    resetsAt: null,
    upgrade: { title: 'Enterprise', included: null },
  })
  expect(text).toContain('Used: 1,126.5 MB\nLimit: 1,024 MB\nHard limit: 1,126 MB\n')
  expect(text).toContain('further use is refused until less is kept or the limit is raised.')
  expect(text).toContain('the plan Enterprise includes any amount.')
})

test('on the highest plan nobody is told to upgrade', () => {
  expect(written({ upgrade: null }).text).not.toContain('upgrade')
})

test('nothing of a name or a link is markup', () => {
  const { html } = written({}, '<b>Bits</b> & "Bobs"')
  expect(html).toContain('<p>&lt;b&gt;Bits&lt;/b&gt; &amp; &quot;Bobs&quot; has used 85 % of its limit of tokens.</p>')
  expect(html).toContain('<tr><th align="left">Used</th><td>85,000 tokens</td></tr>')
  expect(html).toContain('<a href="https://tenantry.example/?a=1&amp;b=2">To the service</a>')
  expect(html).not.toContain('<b>')
})
