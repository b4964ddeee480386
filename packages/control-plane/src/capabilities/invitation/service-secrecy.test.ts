import { Writable } from 'node:stream'
import { toAppError } from '@tenantry/kernel/errors/to-trpc-error'
import { createLogger } from '@tenantry/kernel/observability/logger'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import { deliverMails } from '../mail/index.ts'
import { type MailServer, openMailServer } from '../mail/mail-server.fixture.ts'
import { digestOf } from './rules/token.ts'
import { invite, invited, tokenTo } from './service.fixture.ts'

let server: MailServer
let installation: TestInstallation
beforeAll(async () => {
  server = await openMailServer()
  installation = await openTestInstallation({ mailer: server.mailer })
})
afterAll(async () => {
  await server.close()
  await installation.close()
})

/** The tables of the product that hold the text in any row. */
async function tablesHolding(text: string): Promise<string[]> {
  const client = new pg.Client(installation.testDatabase.adminUrl)
  await client.connect()
  try {
    const { rows } = await client.query(`select tablename from pg_tables where schemaname = 'tenantry' order by 1`)
    const holding: string[] = []
    for (const { tablename } of rows) {
      const found = await client.query(`select from tenantry.${tablename} t where strpos(t::text, $1) > 0 limit 1`, [
        text,
      ])
      if (found.rowCount) holding.push(tablename)
    }
    return holding
  } finally {
    await client.end()
  }
}

test('a token stands in the mail alone: not in any table, before or after it is sent, accepted or repeated', async () => {
  const { caller, tenant, user } = await installation.enter()
  const { token, accept } = await invited(installation, caller)
  expect(await tablesHolding(token)).toEqual([])
  expect(await tablesHolding(digestOf(token))).toEqual(['invitations'])
  await deliverMails(installation.dependencies)
  expect(await tablesHolding(token)).toEqual([])
  await expect(tokenTo(installation, user.email)).rejects.toThrow('Invalid URL')
  await accept()
  await accept().catch(() => undefined)
  expect(await tablesHolding(token)).toEqual([])

  const input = { tenantId: tenant.id, email: 'keyed@people.test', role: 'member' as const }
  const keyed = installation.callerAs(user, tenant.id, { idempotencyKey: 'once' })
  expect(await keyed.invitations.create(input)).toEqual(await keyed.invitations.create(input))
  expect(await tablesHolding(await tokenTo(installation, 'keyed@people.test'))).toEqual([])
})

test('no log line, error or answer holds a token', async () => {
  const lines: string[] = []
  const destination = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk))
      done()
    },
  })
  const logger = createLogger({ level: 'trace', destination })
  const { dependencies } = installation
  Object.assign(dependencies, { logger })
  const { caller } = await installation.enter()
  const { user, token, accept } = await invited(installation, caller)
  server.refusal = Object.assign(new Error(`Refused: https://tenantry.example/#token=${token}`), { responseCode: 550 })
  await deliverMails(dependencies)
  const other = installation.callerAs(await installation.createUser())
  const told: unknown[] = [
    await other.invitations.accept({ token }).catch(toAppError),
    await accept(),
    await accept().catch(toAppError),
    await caller.invitations.list({ tenantId: 'current' }),
    await caller.events.list({ tenantId: 'current' }),
    await invite(caller, `x${user.email}`),
  ]
  expect(lines.length).toBeGreaterThan(0)
  for (const secret of [token, digestOf(token)]) {
    expect(lines.join('\n')).not.toContain(secret)
    expect(
      JSON.stringify(told.map((one) => (one instanceof Error ? { ...one, message: one.message } : one))),
    ).not.toContain(secret)
  }
})

test('no serving role can read the digest of a token', async () => {
  const { tenant, caller } = await installation.enter()
  await invite(caller, 'digest@people.test')
  for (const asOperator of [false, true]) {
    const unit = { tenantId: tenant.id, actor: operator, readOnly: true, asOperator }
    for (const column of ['token_digest', '*']) {
      const read = installation.database.tenantUnit(unit, (em) =>
        em.execute(`select ${column} from tenantry.invitations`),
      )
      await expect(read).rejects.toMatchObject({ code: '42501' })
    }
  }
})
