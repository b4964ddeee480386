import { expect, test } from 'vitest'
import { writeMessage } from '../../mail/rules/message.ts'
import { loadCatalogue } from '../../plan/index.ts'
import { type DecidedRequest, decisionMessage } from './decision-message.ts'

const { meters } = loadCatalogue()
const meterOf = (key: string) => meters[key] ?? expect.fail(key)

const written = (fields: Partial<DecidedRequest> = {}, name = 'Acme') => {
  const decided: DecidedRequest = {
    meter: meterOf('tokens'),
    value: 9_000_000,
    reason: 'We grow faster than we thought.',
    decision: 'approved',
    note: 'As agreed',
    limit: { meter: 'tokens', limit: 9_000_000, grace: 0, graceDays: 0, hardLimit: 9_000_000, source: 'override' },
    upgrade: null,
    ...fields,
  }
  return writeMessage(decisionMessage(decided, { name, slug: 'acme', publicUrl: 'https://tenantry.example' }))
}
const planned = {
  meter: 'tokens',
  limit: 100_000,
  grace: 10_000,
  graceDays: 7,
  hardLimit: 110_000,
  source: 'plan',
} as const

test('an approval says what was asked for and why, by whose note, and what holds now', () => {
  const { subject, text } = written()
  expect(subject).toBe('Acme: request for tokens approved')
  expect(text).toBe(`The request of Acme for more of tokens was approved.

Meter: tokens (Model tokens, prompts and completions together)
Asked for: 9,000,000 tokens
Because: We grow faster than we thought.
Decision: approved
Note: As agreed
In force now: 9,000,000 tokens

What happens next: it holds from now on, in place of what the plan allows, and what was refused before can be tried again. There is nothing to do.

To the service: https://tenantry.example
`)
})

test('a refusal says what holds with its grace, and what to do instead', () => {
  const upgrade = { title: 'Pro', included: null }
  const { subject, text } = written({ decision: 'declined', note: 'Too early', limit: planned, upgrade })
  expect(subject).toBe('Acme: request for tokens declined')
  expect(text).toContain('In force now: 100,000 tokens, and up to 110,000 tokens in a grace of 7 days\n')
  expect(text).toContain(`What happens next: nothing changes.

What to do: see what the note says; the meter may be asked for again (limits.request: POST /api/v1/tenants/acme/limits/requests with the meter tokens). Or upgrade: the plan Pro includes any amount.
`)
  expect(written({ decision: 'declined', limit: planned }).text).not.toContain('upgrade')
})

test('what has no limit says so, what is kept is told in the unit that people see, and a meter that is gone by its key', () => {
  expect(written({ value: null, limit: { ...planned, limit: null, hardLimit: null } }).text).toMatch(
    /Asked for: no limit\n[\s\S]*In force now: no limit\n/,
  )
  expect(written({ meter: meterOf('storage'), value: 2 * 1024 ** 3 }).text).toContain('Asked for: 2,048 MB\n')
  const gone = written({ meter: { key: 'old_calls' }, value: 5_000, limit: null })
  expect(gone.subject).toBe('Acme: request for old calls approved')
  expect(gone.text).toMatch(/Meter: old calls\nAsked for: 5000\n[\s\S]*In force now: no limit\n/)
})

test('nothing that people wrote is markup', () => {
  const { html, text } = written({ reason: 'More <b>now</b>' }, '<i>Bits</i>')
  expect(text).toContain('Because: More <b>now</b>\n')
  expect(html).toContain('<td>More &lt;b&gt;now&lt;/b&gt;</td>')
  expect(html).not.toMatch(/<b>|<i>/)
})
