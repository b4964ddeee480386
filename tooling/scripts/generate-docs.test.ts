import { readFile } from 'node:fs/promises'
import { environment, externalNeeds } from '@tenantry/api/config'
import { errorCatalogue } from '@tenantry/control-plane/error-catalogue'
import { expect, test } from 'vitest'
import { generatedDocs } from './generate-docs.ts'

test.each(Object.entries(generatedDocs()))(
  '%s is current; if it is not, run `pnpm generate-docs`',
  async (path, text) => {
    expect(await readFile(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(text)
  },
)

test('every error has a section that says what to do, and every variable a row', () => {
  const { 'docs/errors.md': errors = '', 'docs/configuration.md': configuration = '' } = generatedDocs()
  const sections = errors.split('\n## ').slice(1)
  expect(sections.map((section) => section.split('\n')[0])).toEqual(errorCatalogue.map(({ code }) => code))
  for (const section of sections) expect(section).toMatch(/\*\*From\*\*: .{5,}\n- \*\*What to do\*\*: .{10,}/)
  for (const name of Object.keys(environment.shape))
    expect(configuration).toMatch(new RegExp(`^\\| \`${name}\` \\| .*\\|`, 'm'))
})

test('an operation is named by procedure and route, and a variable says when it is required', () => {
  const { 'docs/errors.md': errors = '', 'docs/configuration.md': configuration = '' } = generatedDocs()
  expect(errors).toContain('`tenants.update` (`PATCH /tenants/{tenantId}`)')
  expect(errors.match(/\*\*From\*\*: every `POST` with an `Idempotency-Key`/g)).toHaveLength(2)
  for (const name of externalNeeds) {
    expect(configuration).toMatch(new RegExp(`^\\| \`${name}\` \\| .*\\| with \`DATABASE_URL\``, 'm'))
  }
  expect(configuration).toMatch(/^\| `OIDC_ISSUER` .*where `HOST` is not loopback/m)
  expect(configuration).toMatch(/^\| `OIDC_AUDIENCE` .*with `OIDC_ISSUER`/m)
  expect(configuration).toMatch(/^\| `PORT` \| `3000` \| {2}\|/m)
})

test('an error that an operation tells in its answer names that operation, whether or not others are refused with it', () => {
  const { 'docs/errors.md': errors = '' } = generatedDocs()
  const from = (code: string) => errors.match(new RegExp(`\n## ${code}\n[^]*?\\*\\*From\\*\\*: (.*)\n`))?.[1]
  const told = 'told in the answer of `access.check` (`POST /tenants/{tenantId}/access/check`)'
  expect(from('plan.feature_missing')).toBe(told)
  for (const code of ['tenant.inactive', 'auth.permission_denied', 'usage.limit_exceeded'])
    expect(from(code)).toMatch(new RegExp(`^.+; ${told.replaceAll(/[(){}]/g, '\\$&')}`))
})

test('a variable says what it takes, as the refusal of anything else would', () => {
  const { 'docs/configuration.md': configuration = '' } = generatedDocs()
  const meaningOf = (name: string) => configuration.match(new RegExp(`^\\| \`${name}\` .*\\| (.*) \\|$`, 'm'))?.[1]
  expect(meaningOf('PORT')).toBe('Port of the API. An integer from 0 to 65535.')
  expect(meaningOf('METRICS_TOKEN')).toMatch(/ A text of at least 16 characters\.$/)
  expect(meaningOf('STATEMENT_TIMEOUT_MS')).toMatch(/ An integer of at least 100\.$/)
  expect(meaningOf('LOG_LEVEL')).toMatch(/ One of `trace` .* `silent`\.$/)
  expect(meaningOf('BASE_DOMAIN')).toMatch(/ A host name\.$/)
  expect(meaningOf('HOST')).toBe('Address to listen on.')
})
