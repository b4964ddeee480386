import { createHmac } from 'node:crypto'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../src/testing.ts'
import { boundTenant, type Campaign, openCampaign } from './isolation-attacker.fixture.ts'

let installation: TestInstallation
let campaign: Campaign

beforeAll(async () => {
  installation = await openTestInstallation()
  campaign = await openCampaign(installation)
})

afterAll(async () => {
  await campaign[Symbol.asyncDispose]()
  await installation.close()
})

const nowSeconds = () => Math.floor(Date.now() / 1000)

interface Parts {
  purpose?: string
  kid?: string
  value?: string
  expiry?: string | number
  secret?: Buffer
  algorithm?: string
}

/** A token as the unit of work would make it, of these parts. */
function forge(parts: Parts = {}): string {
  const { signingKey } = installation.testDatabase
  const { purpose = 'tenant', kid = signingKey.kid, value = campaign.victim.id, expiry = nowSeconds() + 30 } = parts
  const { secret = signingKey.secret, algorithm = 'sha256' } = parts
  return `${kid}.${value}.${expiry}.${createHmac(algorithm, secret).update(`${purpose}|${kid}|${value}|${expiry}`).digest('hex')}`
}

/** What a forger without the key can make, and what a thief of some other token or of an old one has. */
function forgeries(): Record<string, string> {
  const { attacker, victim } = campaign
  const [kid, , expiry, signature = ''] = forge({ value: attacker.id }).split('.')
  const [, , , genuine = ''] = forge().split('.')
  const valid = forge()
  const tooFar = nowSeconds() + 3_600
  return {
    'the own signature over another tenant': `${kid}.${victim.id}.${expiry}.${signature}`,
    'an unknown key': forge({ kid: 'unknown' }),
    'a missing key id': forge({ kid: '' }),
    'a key id that is SQL': forge({ kid: "' or true --" }),
    'a key id in upper case': forge({ kid: 'TEST' }),
    'a secret of the forger': forge({ secret: Buffer.alloc(32, 1) }),
    'an empty secret': forge({ secret: Buffer.alloc(0) }),
    'no signature': `${kid}.${victim.id}.${expiry}.`,
    'a NULL signature': `${kid}.${victim.id}.${expiry}.null`,
    'a signature that is cut': valid.slice(0, -1),
    'a signature that goes on': `${valid}0`,
    'a signature in upper case': valid.replace(genuine, genuine.toUpperCase()),
    'a signature of spaces': `${kid}.${victim.id}.${expiry}.${' '.repeat(64)}`,
    'another hash': forge({ algorithm: 'sha512' }),
    'a weak hash': forge({ algorithm: 'md5' }),
    'three parts': valid.split('.').slice(0, 3).join('.'),
    'two parts': valid.split('.').slice(1, 3).join('.'),
    'one part': victim.id,
    'five parts': `${valid}.${genuine}`,
    'an empty part in front': `.${valid}`,
    'no parts': '...',
    empty: '',
    'a space': ' ',
    null: 'null',
    'an expired token': forge({ expiry: nowSeconds() - 1 }),
    'a token that expires now': forge({ expiry: nowSeconds() }),
    'a token of long ago': forge({ expiry: 0 }),
    'a negative expiry': forge({ expiry: -tooFar }),
    'an expiry too far away': forge({ expiry: tooFar }),
    'an expiry far beyond all dates': forge({ expiry: '999999999999' }),
    'an expiry beyond all numbers': forge({ expiry: '9'.repeat(40) }),
    'an expiry in scientific notation': forge({ expiry: '9e9' }),
    'an expiry with a sign': forge({ expiry: `+${expiry}` }),
    'an expiry with a space': forge({ expiry: ` ${expiry}` }),
    'an expiry with a line feed': forge({ expiry: `${expiry}\n` }),
    'an expiry in hexadecimal': forge({ expiry: `0x${Number(expiry).toString(16)}` }),
    'an expiry in Arabic digits': forge({
      expiry: `${expiry}`.replaceAll(/\d/g, (digit) => String.fromCharCode(0x660 + Number(digit))),
    }),
    'no expiry': forge({ expiry: '' }),
    'a user’s token': forge({ purpose: 'user' }),
    'an identity’s token': forge({ purpose: 'identity' }),
    'an operator’s token': forge({ purpose: 'platform' }),
    'a token without purpose': forge({ purpose: '' }),
    'a purpose in upper case': forge({ purpose: 'TENANT' }),
    'no tenant': forge({ value: '' }),
    'every tenant': forge({ value: '*' }),
    'a tenant that is NULL': forge({ value: 'null' }),
    'a tenant that is no id': forge({ value: victim.slug }),
    'two tenants': forge({ value: `${attacker.id},${victim.id}` }),
    'a tenant that is SQL': forge({ value: `${attacker.id}' or true --` }),
    'a very long tenant': forge({ value: victim.id.repeat(20) }),
    'a very long signature': `${valid}${genuine.repeat(20_000)}`,
    'a very long key id': forge({ kid: 'test'.repeat(100) }),
    'a line feed at the end': `${valid}\n`,
    'a space in front': ` ${valid}`,
    quotes: `"${valid}"`,
    'a JSON document': JSON.stringify({ kid, value: victim.id, expiry, signature: genuine }),
  }
}

/** The ways by which SQL sets a setting. */
const ways: Record<string, (client: Client, setting: string, token: string) => Promise<unknown>> = {
  'set_config for the transaction': (client, setting, token) =>
    client.query('select set_config($1, $2, true)', [setting, token]),
  'set_config for the session': (client, setting, token) =>
    client.query('select set_config($1, $2, false)', [setting, token]),
  'SET LOCAL': (client, setting, token) => client.query(`set local ${setting} = ${client.escapeLiteral(token)}`),
  SET: (client, setting, token) => client.query(`set ${setting} = ${client.escapeLiteral(token)}`),
}

async function victimsVisible(client: Client): Promise<number> {
  const counts = await client.query(
    `select (select count(*) from tenantry.tenants where id = $1) + (select count(*) from tenantry.usage_counters where tenant_id = $1)
       + (select count(*) from tenantry.audit_entries where tenant_id = $1) as count`,
    [campaign.victim.id],
  )
  return Number(counts.rows[0].count)
}

test('a genuine token of the victim opens its rows, so that the forgeries had a door to open', async () => {
  const client = await campaign.connect()
  for (const set of Object.values(ways)) {
    await client.query('begin')
    await set(client, 'tenancy.tenant_context', forge())
    expect(await boundTenant(client)).toBe(campaign.victim.id)
    expect(await victimsVisible(client)).toBe(3)
    await client.query('rollback')
  }
})

test('no forged or stolen token is believed, by whichever way it is set, from within a tenant’s transaction', async ({
  annotate,
}) => {
  const client = await campaign.connect()
  const through: string[] = []
  let attempts = 0
  for (const [name, token] of Object.entries(forgeries())) {
    for (const [way, set] of Object.entries(ways)) {
      attempts++
      await client.query('begin')
      await ways['set_config for the transaction']?.(
        client,
        'tenancy.tenant_context',
        campaign.sign('tenant', campaign.attacker.id),
      )
      expect(await boundTenant(client)).toBe(campaign.attacker.id)
      await set(client, 'tenancy.tenant_context', token)
      if ((await boundTenant(client)) !== null || (await victimsVisible(client)) > 0) through.push(`${name} by ${way}`)
      await client.query('rollback')
    }
  }
  await annotate(`${attempts} forgeries, ${through.length} got through`)
  expect(through).toEqual([])
})

test('no forged token of a user is believed', async () => {
  const client = await campaign.connect()
  const userId = campaign.victim.user.id
  const memberships = async (token: string) => {
    await client.query('begin')
    await client.query(`select set_config('tenancy.user_context', $1, true)`, [token])
    const { rowCount } = await client.query(
      'select tenant_id from directory.memberships() union all select tenant_id from directory.find_access($1)',
      [campaign.victim.slug],
    )
    await client.query('rollback')
    return rowCount
  }
  expect(await memberships(forge({ purpose: 'user', value: userId }))).toBe(2)
  for (const [name, token] of Object.entries({
    ...forgeries(),
    tenant: forge({ purpose: 'tenant', value: userId }),
    identity: forge({ purpose: 'identity', value: userId }),
    operator: forge({ purpose: 'platform', value: userId }),
    secret: forge({ purpose: 'user', value: userId, secret: Buffer.alloc(32) }),
    expired: forge({ purpose: 'user', value: userId, expiry: nowSeconds() - 1 }),
  })) {
    expect(await memberships(token), name).toBe(0)
  }
})

test('a setting of the application’s own invention, a reset and a default open nothing', async () => {
  const client = await campaign.connect()
  const tricks = [
    'reset tenancy.tenant_context',
    'reset all',
    'set tenancy.tenant_context to default',
    `set local tenancy.tenant = '${campaign.victim.id}'`,
    `set local app.tenant_id = '${campaign.victim.id}'`,
    `set local tenancy.current_tenant = '${campaign.victim.id}'`,
    "set local tenancy.bypass = 'on'",
  ]
  for (const trick of tricks) {
    await client.query('begin')
    await client.query(`select set_config('tenancy.tenant_context', $1, true)`, [
      campaign.sign('tenant', campaign.attacker.id),
    ])
    await client.query(trick)
    expect(await victimsVisible(client), trick).toBe(0)
    expect([null, campaign.attacker.id], trick).toContain(await boundTenant(client))
    await client.query('rollback')
  }
})

test('a context in the startup packet counts no more than any other', async () => {
  const forged = await campaign.connect(
    'tenantry_app',
    `-c tenancy.tenant_context=${forge({ secret: Buffer.alloc(32) })}`,
  )
  expect(await boundTenant(forged)).toBeNull()
  expect(await victimsVisible(forged)).toBe(0)
})

test('a token expires within its transaction', async () => {
  const client = await campaign.connect()
  await client.query('begin')
  await client.query(`select set_config('tenancy.tenant_context', $1, true)`, [forge({ expiry: nowSeconds() + 2 })])
  expect(await boundTenant(client)).toBe(campaign.victim.id)
  await expect.poll(() => boundTenant(client)).toBeNull()
  expect(await victimsVisible(client)).toBe(0)
  await client.query('rollback')
})

test('the verifying functions answer nobody but the policies', async () => {
  const client = await campaign.connect()
  const calls = [
    `tenancy.verify_context('tenant', '${forge()}')`,
    `tenancy.hmac('tenant'::bytea, 'key'::bytea, 'sha256')`,
    `tenancy.hmac('tenant'::text, 'key'::text, 'sha256')`,
    `tenancy.digest('x'::text, 'sha256')`,
    'tenancy.gen_random_bytes(8)',
    'tenancy.current_operator()',
  ]
  for (const call of calls) {
    await expect(client.query(`select ${call}`), call).rejects.toMatchObject({ code: '42501' })
  }
})
